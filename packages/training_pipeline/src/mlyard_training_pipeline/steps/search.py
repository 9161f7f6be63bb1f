"""Between steps 2 and 3, for candidates with many settings: try them in tasks of their own, side by side.

Each task leaves what it tried in a run of its own below the training's, and hands on numbers of settings alone: where
the next task runs makes no difference. The step `train` chooses among all of it.
"""

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlyard_shared.spec import Candidate

from mlyard_training_pipeline.candidates import resources
from mlyard_training_pipeline.candidates.search import methods, settings, spread
from mlyard_training_pipeline.candidates.search.bench import Bench, Result
from mlyard_training_pipeline.candidates.search.budget import Budget
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import SearchPart, TrainingRun

_RESULTS = "results"


@resources.sharing
def begin(context: Context, run: TrainingRun, candidate: str) -> tuple[SearchPart, ...]:
    """Begin a candidate's search: its first settings, Optuna's whole study, or the first rung of halving.

    Returns:
        What is left, in parts that take 10 s or more each; nothing where this task has tried all of it.
    """
    bench = _bench(context, run, candidate)
    chosen = bench.candidate
    limit, scores = budget(context, run), bench.scores()
    every = settings.settings_of(chosen)
    if (earlier := _stored(context, run, candidate, "0")) is not None:
        return _left(chosen, len(every), earlier)
    with bench.telling():
        if chosen.search == "optuna":
            found = list(methods.study(bench, limit, scores))
        elif chosen.search == "halving":
            found = methods.rung(bench, 0, [], limit, scores)
        else:
            found = []
            for result in methods.one_by_one(bench, enumerate(every), limit, scores):
                found.append(result)
                if spread.parts(len(found), len(every), result.seconds):
                    break
    _store(context, run, candidate, "0", found)
    return _left(chosen, len(every), found)


@resources.sharing
def go_on(context: Context, run: TrainingRun, part: SearchPart) -> None:
    """Try one part of a candidate's settings, as far as there is time."""
    key = f"{part.first}-{part.end}"
    if _stored(context, run, part.candidate, key) is not None:
        return
    bench = _bench(context, run, part.candidate)
    limit = budget(context, run)
    for result in results(context, run, part.candidate):
        limit.took(result.seconds, result.share)
    numbered = list(enumerate(settings.settings_of(bench.candidate)))[part.first : part.end]
    with bench.telling():
        found = list(methods.one_by_one(bench, numbered, limit, bench.scores(), at_least=0))
    _store(context, run, part.candidate, key, found)


@resources.sharing
def rung(context: Context, run: TrainingRun, candidate: str, number: int) -> None:
    """Try the best of a candidate's settings once more, on more rows."""
    key = f"rung {number}"
    if _stored(context, run, candidate, key) is not None:
        return
    bench = _bench(context, run, candidate)
    with bench.telling():
        earlier = results(context, run, candidate)
        found = methods.rung(bench, number, earlier, budget(context, run), bench.scores())
    _store(context, run, candidate, key, found)


def results(context: Context, run: TrainingRun, candidate: str) -> list[Result]:
    """Everything that tasks have tried of a candidate, by number and rows."""
    found = [result for made in _runs(context, run, candidate) for result in _read(context, made)]
    return sorted(found, key=lambda result: (result.share, result.number))


def budget(context: Context, run: TrainingRun, waiting: int = 1) -> Budget:
    """What is left of the time that the spec gives the search: it begins with the first task of any candidate.

    Args:
        context: of the step.
        run: the training.
        waiting: how many candidates are searched one after another from here on, this one included.
    """
    seconds = context.tracking.spec_of(run.run_id).search.seconds
    if seconds is None:
        return Budget(None)
    now = time.time()
    said = context.tracking.get(run.run_id).data.tags.get(names.DEADLINE)
    deadline = now + seconds if said is None else float(said)
    if said is None:
        context.tracking.tag(run.run_id, {names.DEADLINE: repr(deadline)})
    return Budget(now + (deadline - now) / waiting)


def _left(candidate: Candidate, count: int, found: list[Result]) -> tuple[SearchPart, ...]:
    if candidate.search in ("optuna", "halving"):
        return ()
    parts = spread.parts(len(found), count, found[-1].seconds)
    return tuple(SearchPart(candidate=candidate.name, first=first, end=end) for first, end in parts)


def _bench(context: Context, run: TrainingRun, candidate: str) -> Bench:
    spec = context.tracking.spec_of(run.run_id)
    chosen = next(known for known in spec.candidates if known.name == candidate)
    return Bench(spec, chosen, dataset.load(context, run, spec))


def _runs(context: Context, run: TrainingRun, candidate: str) -> list[Any]:
    found = context.tracking.children(context.tracking.get(run.run_id), mlyard__search=candidate)
    return [made for made in found if made.info.status == "FINISHED"]


def _stored(context: Context, run: TrainingRun, candidate: str, part: str) -> list[Result] | None:
    for made in _runs(context, run, candidate):
        if made.data.tags.get(names.SEARCH_PART) == part and context.tracking.has_artifact(
            made.info.run_id, names.SEARCH_FILE
        ):
            return _read(context, made)
    return None


def _read(context: Context, made: Any) -> list[Result]:
    with TemporaryDirectory(prefix="mlyard-") as folder:
        content = context.tracking.fetch(made.info.run_id, names.SEARCH_FILE, Path(folder)).read_bytes()
    return [Result.model_validate(one) for one in json.loads(content)[_RESULTS]]


def _store(context: Context, run: TrainingRun, candidate: str, part: str, found: Sequence[Result]) -> None:
    """A run that is there when all is done: what is killed before leaves none."""
    parent = context.tracking.get(run.run_id)
    tags = {names.PARENT: run.run_id, names.SEARCH: candidate, names.SEARCH_PART: part}
    made = context.tracking.create(
        parent.info.experiment_id, "search", name=_name(candidate, part, found), tags=tags
    ).info.run_id
    metric = context.tracking.spec_of(run.run_id).metric
    series = {result.number: result.mean(metric) for result in found}
    context.tracking.log_series(made, f"search_{metric}", series)
    context.tracking.store_json(made, names.SEARCH_FILE, document(found))
    context.tracking.end(made, "FINISHED")


def _name(candidate: str, part: str, found: Sequence[Result]) -> str:
    """What a person calls the run: the settings by their places, counted from 1, or the rung of halving."""
    if not part[0].isdigit() or not found:
        return f"{candidate} · {part}"
    first, last = found[0].number + 1, found[-1].number + 1
    return f"{candidate} · setting {first}" if first == last else f"{candidate} · settings {first} to {last}"


def document(found: Iterable[Result]) -> dict[str, Any]:
    """Results as JSON."""
    return {_RESULTS: [result.model_dump(mode="json") for result in found]}
