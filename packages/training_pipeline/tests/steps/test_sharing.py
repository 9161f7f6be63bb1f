import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.errors import TrainingError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import resources
from mlyard_training_pipeline.steps.extract import extract
from mlyard_training_pipeline.steps.train import train
from mlyard_training_pipeline.tracking.context import Context


@pytest.mark.parametrize(("others", "expected"), [(0, 8), (1, 4), (3, 2), (11, 1)])
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
