"""Step 3: train one candidate, and judge it by cross-validation alone."""

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlyard_shared.decision import Decision
from mlyard_shared.errors import RegistryError
from mlyard_shared.schema import InputForm
from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import conformal, estimators, origins, resources, search
from mlyard_training_pipeline.candidates.search import Found
from mlyard_training_pipeline.data import dataset, inputs
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.evidence import answers, scores
from mlyard_training_pipeline.steps import search as searching
from mlyard_training_pipeline.tracking import names, provenance
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import CandidateRun, TrainingRun
from mlyard_training_pipeline.versions import fitted, packaging

RESULT = "mlyard.result"


@resources.sharing
def train(context: Context, run: TrainingRun, candidate: str, *, waiting: int = 1) -> CandidateRun:
    """Search a candidate's settings over the folds, fit the best on every training row, and store it with its run.

    Where tasks of their own have tried its settings, it chooses among those. A candidate that this training has
    finished before is found rather than trained again, unless its file is lost.

    Args:
        context: the registry and the settings.
        run: the training.
        candidate: its name.
        waiting: how many candidates are trained one after another from here on, this one included: they share the time.

    Raises:
        TrainingError: the estimator does not take this table, or cannot be stored safely.
    """
    parent = context.tracking.get(run.run_id)
    earlier = context.tracking.children(parent, mlyard__candidate=candidate)
    for other in earlier:
        if _is_complete(context, other):
            return CandidateRun.model_validate_json(other.data.tags[RESULT])
        if other.info.status == "RUNNING":
            context.tracking.end(other.info.run_id, "FAILED")
    spec = context.tracking.spec_of(run.run_id)
    chosen = next(known for known in spec.candidates if known.name == candidate)
    data = dataset.load(context, run, spec)
    tags = {names.PARENT: run.run_id, names.CANDIDATE: candidate, **provenance.tags(), **_packages(chosen)}
    own = context.tracking.create(parent.info.experiment_id, "candidate", name=candidate, tags=tags)
    try:
        context.tracking.log_inputs(own.info.run_id, inputs.of(spec, run.snapshot, data))
        found = _search(context, run, chosen, data, waiting)
        return _store(context, spec, chosen, data, found, own.info.run_id)
    except BaseException:
        # What stopped it is what has to be told. A run that could not be ended is ended by the next training.
        with suppress(RegistryError):
            context.tracking.end(own.info.run_id, "FAILED")
        raise


def _is_complete(context: Context, trained: Any) -> bool:
    if trained.info.status != "FINISHED" or RESULT not in trained.data.tags:
        return False
    files = CandidateRun.model_validate_json(trained.data.tags[RESULT]).files
    return all(context.tracking.has_artifact(trained.info.run_id, name) for name in files)


def _search(context: Context, run: TrainingRun, candidate: Candidate, data: Dataset, waiting: int) -> Found:
    spec = context.tracking.spec_of(run.run_id)
    tried = searching.results(context, run, candidate.name) if candidate.is_searched else []
    if tried:
        return search.finish(spec, candidate, data, tried)
    return search.search(spec, candidate, data, searching.budget(context, run, waiting))


def _store(
    context: Context, spec: ModelSpec, candidate: Candidate, data: Dataset, found: Found, run_id: str
) -> CandidateRun:
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        files = write(found.pipeline, Path(folder), spec, candidate, data, rule=found.rule)
        said = Path(folder, names.OUT_OF_FOLD_FILE)
        answers.write(said, {candidate.name: answers.of_folds(found.folds)})
        for file in (*files, said):
            context.tracking.store(run_id, file)
    result = CandidateRun(
        candidate=candidate.name,
        run_id=run_id,
        score=found.scores[spec.metric],
        deviation=found.deviation,
        parameters=found.parameters,
        decision=found.rule if found.folds[0].found.probabilities is not None else None,
        conformal=conformal.quantiles(spec.task, found.folds, spec.conformal),
        files=tuple(file.name for file in files),
        seconds=found.seconds,
    )
    every = found.pipeline[-1].get_params(deep=False)
    given = {**candidate.parameters, **found.parameters}
    logged = {"estimator": candidate.estimator, "folds": spec.folds, **every, **given}
    metrics = {f"cv_{name}": value for name, value in found.scores.items()}
    metrics[f"cv_{spec.metric}_std"] = found.deviation
    context.tracking.log(run_id, metrics=metrics, parameters=logged)
    for name, values in found.fold_scores.items():
        context.tracking.log_series(run_id, f"fold_{name}", dict(enumerate(values, start=1)))
    context.tracking.store_table(run_id, names.SCORES_FILE, scores.table(found.results))
    if len(found.results) > 1:
        context.tracking.store_json(run_id, names.SEARCH_FILE, searching.document(found.results))
        series = {number: result.mean(spec.metric) for number, result in enumerate(found.results)}
        context.tracking.log_series(run_id, f"search_{spec.metric}", series)
    context.tracking.tag(run_id, {RESULT: json.dumps(result.model_dump(mode="json"))})
    context.tracking.end(run_id, "FINISHED")
    return result


def _packages(candidate: Candidate) -> dict[str, str]:
    """The tag of the distribution that the estimator is of."""
    found = origins.distribution(origins.package(candidate.estimator))
    return {provenance.PACKAGE + found[0]: found[1]} if found else {}


def write(
    pipeline: Any, folder: Path, spec: ModelSpec, candidate: Candidate, data: Dataset, *, rule: Decision | None
) -> tuple[Path, ...]:
    """Write a fitted pipeline into a folder, and return the files.

    Raises:
        TrainingError: it cannot be stored safely, or has no twin and needs one.
    """
    form = InputForm(encoding="codes", precision=estimators.precision(candidate))
    return fitted.write(
        pipeline,
        folder,
        candidate,
        task=spec.task,
        rows=lambda: packaging.rows_to_compare(data, form),
        scale=packaging.scale_of(spec.task, data),
        rule=rule,
    )
