"""Beside the gate: plots of the candidates and of the winner, for people. Nothing waits for them, or fails by them."""

import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from mlyard_shared.errors import MlyardError
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import resources
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.candidates.search.bench import Bench
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.evidence import (
    answers,
    classification,
    comparison,
    importance,
    learning,
    regression,
    sample,
)
from mlyard_training_pipeline.evidence.allowance import Allowance
from mlyard_training_pipeline.evidence.answers import Answers
from mlyard_training_pipeline.evidence.classification import Labels, Plot
from mlyard_training_pipeline.evidence.drawing import Drawing
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation, TrainingRun

logger = logging.getLogger(__name__)


_OF_WINNER = 0.7
"""Of all the time: after that it is the others' turn."""


class Shown(NamedTuple):
    """How many plots there are, and what was left out, in sentences."""

    plots: int
    left_out: tuple[str, ...]


def evidence(context: Context, run: TrainingRun, candidates: Sequence[CandidateRun], evaluation: Evaluation) -> Shown:
    """Draw what there is time for, the winner first, and leave it with the runs. It raises nothing."""
    if not context.settings.evidence:
        return Shown(0, ())
    try:
        return _drawn(context, run, candidates, evaluation)
    except Exception as error:  # the training has its scores, whatever becomes of the plots
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        logger.warning("no plots: %s", reason, exc_info=not isinstance(error, MlyardError))
        return Shown(0, (f"plots: {reason}",))


@resources.sharing
def _drawn(context: Context, run: TrainingRun, candidates: Sequence[CandidateRun], evaluation: Evaluation) -> Shown:
    infos = [context.tracking.get(candidate.run_id).info for candidate in candidates]
    work = _Work(context, run, evaluation, sum((info.end_time - info.start_time) / 1000 for info in infos))
    winner = evaluation.winner
    ordered = [winner, *(candidate for candidate in candidates if candidate.run_id != winner.run_id)]
    work.of_winner()
    work.of_answers(winner)
    with work.allowance.up_to(_OF_WINNER):
        work.of_fits(winner)
    for candidate in ordered[1:]:
        work.of_answers(candidate)
    for candidate in ordered[1:]:
        work.of_fits(candidate)
    left_out = tuple(work.allowance.left_out)
    for text in left_out:
        logger.info("left out: %s", text)
    with suppress(MlyardError):
        told = {names.EVIDENCE_SECONDS: f"{work.allowance.spent:.2f}", names.LEFT_OUT: "; ".join(left_out)[:4000]}
        context.tracking.tag(run.run_id, told)
    return Shown(work.plots, left_out)


class _Work:
    """The plots of one training."""

    def __init__(self, context: Context, run: TrainingRun, evaluation: Evaluation, trained: float) -> None:
        self.allowance = Allowance(trained)
        self._context, self._run, self._evaluation = context, run, evaluation
        self._spec: ModelSpec = context.tracking.spec_of(run.run_id)
        self._data: Dataset = dataset.load(context, run, self._spec)
        self._drawing = Drawing(self.allowance, context.settings.state / "matplotlib")
        self.plots = 0

    def of_winner(self) -> None:
        """The winner on the holdout, and beside the champion."""
        found = self._read(self._run.run_id, names.HOLDOUT_FILE)
        labels = self._labels(self._evaluation.winner)
        plots = self._of(found[names.WINNER], labels)
        if names.CHAMPION in found and self._evaluation.gain is not None:
            pair = found[names.BESIDE], found[names.CHAMPION]
            called = self._evaluation.winner.candidate, f"champion {self._evaluation.champion_version}"
            plots["against_champion"] = (
                lambda axes: comparison.gain(axes, self._evaluation, self._spec.metric),
                lambda axes: comparison.answers(axes, *pair, called, labels),
            )
        with self._leaving(self._run.run_id) as folder:
            self.plots += self._drawing.draw(folder, plots, f"{self._evaluation.winner.candidate} on the holdout")

    def of_answers(self, candidate: CandidateRun) -> None:
        """A candidate on the rows that each fold was not fitted on."""
        if not self.allowance.allows(0, f"{candidate.candidate}, over the folds"):
            return
        found = self._read(candidate.run_id, names.OUT_OF_FOLD_FILE)
        plots = self._of(found[candidate.candidate], self._labels(candidate))
        with self._leaving(candidate.run_id) as folder:
            self.plots += self._drawing.draw(folder, plots, candidate.candidate)

    def of_fits(self, candidate: CandidateRun) -> None:
        """What fitting a candidate on a few rows once more says."""
        if not self.allowance.allows(0, f"{candidate.candidate}: importance and learning curve"):
            return
        with self._leaving(candidate.run_id) as folder:
            self.plots += self._drawing.draw(folder, self._fits(candidate), candidate.candidate)

    def _fits(self, candidate: CandidateRun) -> dict[str, tuple[Plot, ...]]:
        chosen = next(known for known in self._spec.candidates if known.name == candidate.candidate)
        taken = sample.take(Bench(self._spec, chosen, self._data), candidate)
        metric, called = self._spec.metric, candidate.candidate
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the training has told them
            plots = {
                "importance": importance.importance(taken, metric, self.allowance, f"{called}: importance"),
                "learning_curve": learning.curve(taken, metric, self.allowance, f"{called}: learning curve"),
            }
        return {name: (plot,) for name, plot in plots.items() if plot is not None}

    def _of(self, given: Answers, labels: Labels | None) -> dict[str, tuple[Plot, ...]]:
        plots = regression.plots(given) if labels is None else classification.plots(given, labels)
        return {name: (plot,) for name, plot in plots.items()}

    def _labels(self, candidate: CandidateRun) -> Labels | None:
        if self._spec.task == "regression":
            return None
        return Labels(self._data.classes, Measures.of(self._spec, self._data.classes), candidate.decision)

    def _read(self, run_id: str, name: str) -> dict[str, Answers]:
        with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
            return answers.read(self._context.tracking.fetch(run_id, name, Path(folder)))

    @contextmanager
    def _leaving(self, run_id: str) -> Iterator[Path]:
        """A folder whose files become artifacts of a run."""
        with tempfile.TemporaryDirectory(prefix="mlyard-") as name:
            yield Path(name)
            if any(Path(name).iterdir()):
                self._context.tracking.store_folder(run_id, Path(name), names.PLOTS)
