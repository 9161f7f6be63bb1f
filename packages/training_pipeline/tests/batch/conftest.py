"""A champion over the mixed table, trained once, and jobs that it scores."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlyard_training_pipeline.batch import Scored, score
from mlyard_training_pipeline.batch.command import request_of
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.training import run

Columns = dict[str, list[str | None]]


class Listener:
    """What a job says, and who stops it after a chunk."""

    def __init__(self, *, stop_at: int | None = None) -> None:
        self.said: list[str] = []
        self.chunks: list[int] = []
        self._stop_at = stop_at

    def say(self, text: str) -> None:
        self.said.append(text)

    def chunk(self, done: int, chunks: int) -> None:
        self.chunks.append(done)
        if done == self._stop_at:
            raise KeyboardInterrupt


@pytest.fixture(scope="package")
def trained(store: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a model with a champion."""
    from ..conftest import make_spec, write_spec

    folder = tmp_path_factory.mktemp("champion")
    made = make_spec(name="batch-mixed", features={"leave_out": ["amount"], "unseen": {"colour": "refuse"}})
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", store)
        run(write_spec(folder, made), Settings(registry_uri=store, state=folder / "state", evidence=False))
    return made.name


@pytest.fixture
def scored(context: Context, trained: str, tmp_path: Path) -> Callable[..., Scored]:
    """Run a job of the command's words."""

    def job(
        table: str, output: str, *, listener: Listener | None = None, context: Context = context, **asked: Any
    ) -> Scored:
        request = request_of(trained, table=table, output=output, **{**DEFAULTS, **asked})
        return score(context, request, listener=listener or Listener())

    return job


DEFAULTS: dict[str, Any] = {"existing": "refuse", "ids": (), "probabilities": False, "rejects": None}
