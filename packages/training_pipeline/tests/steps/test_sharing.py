import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mlyard_shared.errors import TrainingError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.batch.scoring import score
from mlyard_training_pipeline.candidates import resources
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.steps.evaluate import evaluate
from mlyard_training_pipeline.steps.extract import extract
from mlyard_training_pipeline.steps.gate import gate
from mlyard_training_pipeline.steps.take import take
from mlyard_training_pipeline.steps.train import train
from mlyard_training_pipeline.tracking.context import Context

RUN: Any = SimpleNamespace(run_id="1")
REQUEST: Any = SimpleNamespace(model="m")


@pytest.mark.parametrize(
    ("others", "expected"),
    [(0, 8), *(pytest.param(*case, marks=pytest.mark.long) for case in ((1, 4), (3, 2))), (11, 1)],
)
def test_a_candidate_is_fitted_with_its_share_of_the_processors(
    others: int,
    expected: int,
    context: Context,
    spec: Callable[..., ModelSpec],
    written: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []

    def search(*_: Any) -> None:
        seen.append(int(os.environ["OMP_NUM_THREADS"]))
        raise TrainingError("enough")

    monkeypatch.setattr(resources, "processors", lambda: 8)
    monkeypatch.setattr("mlyard_training_pipeline.candidates.search.search", search)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        monkeypatch.delenv(name, raising=False)
    run = extract(context, written(tmp_path / "specs", spec(name=f"shared-{others}")), run_key="shared")
    with ExitStack() as beside:
        for _ in range(others):
            beside.enter_context(resources.place(context.settings.running))
        with pytest.raises(TrainingError, match="enough"):
            train(context, run, "logistic")
    assert seen == [expected]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(lambda context: evaluate(context, RUN, []), id="evaluate"),
        pytest.param(lambda context: gate(context, RUN, cast("Any", None)), id="gate"),
        pytest.param(lambda context: take(context, RUN, None, trained_on=None), id="import"),
        pytest.param(lambda context: train(context, RUN, "one"), id="train"),
        pytest.param(lambda context: score(context, REQUEST, listener=cast("Any", None)), id="score"),
    ],
)
def test_every_step_that_computes_takes_its_share(
    step: Callable[[Context], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    class First:
        def __getattr__(self, name: str) -> Any:
            seen.append(os.environ["OMP_NUM_THREADS"])
            raise TrainingError("enough")

    monkeypatch.setattr(resources, "processors", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "64")
    settings = Settings(state=tmp_path)
    with resources.place(settings.running), pytest.raises(TrainingError):
        step(Context(tracking=cast("Any", First()), registry=cast("Any", First()), settings=settings))
    assert seen == ["4"]


def test_a_spec_that_asks_for_more_jobs_than_there_are_is_told_once(
    context: Context,
    spec: Callable[..., ModelSpec],
    written: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(resources, "processors", lambda: 1)
    tree = {"name": "tree", "estimator": "sklearn.ensemble.ExtraTreesClassifier"}
    greedy = tree | {"parameters": {"n_estimators": 2, "n_jobs": 16}}
    run = extract(context, written(tmp_path / "specs", spec(name="greedy", candidates=[greedy])), run_key="greedy")
    train(context, run, "tree")
    told = [record.getMessage() for record in caplog.records if "n_jobs" in record.getMessage()]
    assert told == ["candidate tree: n_jobs = 16 is lowered to 1, the share of the processors that a task has"]
