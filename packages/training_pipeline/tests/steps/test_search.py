"""Searches that are divided over tasks: each of them with a context of its own, as on another worker."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates.search import spread
from mlyard_training_pipeline.steps import search
from mlyard_training_pipeline.steps.extract import extract
from mlyard_training_pipeline.steps.train import train
from mlyard_training_pipeline.steps.validate import validate
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import SearchPart, TrainingRun

Begun = Callable[..., TrainingRun]
TREE: dict[str, Any] = {
    "name": "tree",
    "estimator": "sklearn.tree.DecisionTreeClassifier",
    "ranges": {"max_depth": {"low": 1, "high": 12}},
}


PARTS = ("setting 1", "settings 2 to 4", "settings 5 to 9")


@pytest.fixture
def begun(context: Context, spec: Callable[..., ModelSpec], written: Callable[..., Path], tmp_path: Path) -> Begun:
    """A training whose table was validated."""

    def begin(**changes: Any) -> TrainingRun:
        name = f"searched-{time.time_ns()}"
        file = written(tmp_path, spec(**{"name": name, **changes}))
        run = extract(context, file, run_key="one")
        validate(context, run)
        return run

    return begin


@pytest.fixture
def elsewhere(context: Context, tmp_path: Path) -> Callable[[], Context]:
    """The context of another worker: nothing but the registry is shared."""
    count = iter(range(100))

    def make() -> Context:
        settings = context.settings.model_copy(update={"state": tmp_path / f"worker-{next(count)}"})
        return Context.from_settings(settings)

    return make


def tried(context: Context, run_id: str, folder: Path) -> list[dict[str, Any]]:
    content = json.loads(context.tracking.fetch(run_id, names.SEARCH_FILE, folder).read_text())
    results: list[dict[str, Any]] = content["results"]
    return results


def test_parts_on_other_workers_find_what_one_process_finds(
    context: Context, begun: Begun, elsewhere: Callable[[], Context], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = {**TREE, "search": "random", "trials": 9}
    run = begun(candidates=[candidate])
    monkeypatch.setattr(
        spread, "parts", lambda first, end, seconds: [(first, first + 3), (first + 3, end)] if first < end else []
    )
    parts = search.begin(elsewhere(), run, "tree")
    assert parts == (SearchPart(candidate="tree", first=1, end=4), SearchPart(candidate="tree", first=4, end=9))
    for part in reversed(parts):
        search.go_on(elsewhere(), run, part)
    found = train(elsewhere(), run, "tree")
    results = tried(context, found.run_id, tmp_path)
    assert [result["number"] for result in results] == list(range(9))
    history = context.registry.client.get_metric_history(found.run_id, "search_accuracy")
    assert [metric.step for metric in history] == list(range(9))
    means = [sum(result["scores"]["accuracy"]) / 3 for result in results]
    assert [metric.value for metric in history] == pytest.approx(means)
    series = context.registry.client.get_metric_history(found.run_id, "fold_accuracy")
    assert [metric.step for metric in series] == [1, 2, 3]
    assert sum(metric.value for metric in series) / 3 == pytest.approx(found.score)
    table = json.loads(context.tracking.fetch(found.run_id, names.SCORES_FILE, tmp_path).read_text())
    assert [row[table["columns"].index("fold")] for row in table["data"]] == [1, 2, 3] * 9
    runs = context.tracking.children(context.tracking.get(run.run_id), mlyard__kind="search")
    assert {made.info.run_name for made in runs} == {f"tree · {part}" for part in PARTS}
    alone = train(context, begun(candidates=[candidate]), "tree")
    assert (found.parameters, found.score, found.deviation) == (alone.parameters, alone.score, alone.deviation)


@pytest.mark.long
def test_what_was_tried_is_found_again(context: Context, begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun(candidates=[{**TREE, "search": "random", "trials": 4}])
    monkeypatch.setattr(spread, "parts", lambda first, end, seconds: [(first, end)] if first < end else [])
    (part,) = search.begin(context, run, "tree")
    assert search.begin(context, run, "tree") == (part,)
    search.go_on(context, run, part)
    search.go_on(context, run, part)
    assert [result.number for result in search.results(context, run, "tree")] == [0, 1, 2, 3]


def test_a_short_search_leaves_no_parts(context: Context, begun: Begun) -> None:
    run = begun(candidates=[{**TREE, "search": "random", "trials": 4}])
    assert search.begin(context, run, "tree") == ()
    assert len(search.results(context, run, "tree")) == 4


@pytest.mark.long
def test_rungs_go_on_from_what_others_left(
    context: Context, begun: Begun, elsewhere: Callable[[], Context], tmp_path: Path
) -> None:
    run = begun(candidates=[{**TREE, "search": "halving", "trials": 9}])
    assert search.begin(elsewhere(), run, "tree") == ()
    for number in (1, 2):
        search.rung(elsewhere(), run, "tree", number)
    found = train(elsewhere(), run, "tree")
    shares = [round(result["share"], 2) for result in tried(context, found.run_id, tmp_path)]
    assert shares == [0.11] * 9 + [0.33] * 3 + [1.0]


@pytest.mark.long
def test_a_study_is_one_task(context: Context, begun: Begun, elsewhere: Callable[[], Context]) -> None:
    run = begun(candidates=[{**TREE, "search": "optuna", "trials": 6}])
    assert search.begin(elsewhere(), run, "tree") == ()
    found = train(elsewhere(), run, "tree")
    assert found.parameters in [result.parameters for result in search.results(context, run, "tree")]


def test_the_time_is_that_of_all_candidates_together(
    context: Context, begun: Begun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(search={"seconds": 60.0})
    clock = SimpleNamespace(now=1_000_000.0)
    monkeypatch.setattr(search, "time", SimpleNamespace(time=lambda: clock.now))
    left = []
    for waited, waiting in ((0, 2), (20, 1), (20, 1)):
        clock.now += waited
        limit = search.budget(context, run, waiting)
        limit.took(1.0)
        monkeypatch.setattr(limit, "_clock", lambda: clock.now)
        left.append(max(shares for shares in range(100) if limit.allows(shares)))
    # Half of it for the first of two; what is left for the second, whose tasks are two.
    assert left == [30, 40, 20]


@pytest.mark.long
def test_searches_end_when_their_time_together_is_over(context: Context, begun: Begun) -> None:
    grid = {"max_depth": list(range(1, 1000))}
    candidates = [
        {"name": name, "estimator": TREE["estimator"], "search": "random", "trials": 999, "grid": grid}
        for name in ("first", "second")
    ]
    run = begun(candidates=candidates, search={"seconds": 3.0})
    counts = []
    for waiting, name in ((2, "first"), (1, "second")):
        found = train(context, run, name, waiting=waiting)
        # Of one setting, which a busy machine may take all the time for, there is no history.
        counts.append(len(context.registry.client.get_metric_history(found.run_id, "search_accuracy")) or 1)
    assert max(counts) < 900
