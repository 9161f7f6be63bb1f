"""Batch scoring gives the API's answers: both for real, over one champion of a real MLflow server."""

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_shared.registry import Registry
from mlyard_training_pipeline.batch import score
from mlyard_training_pipeline.batch.command import request_of
from mlyard_training_pipeline.data import encoding
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.context import Context
from pyarrow import parquet

from . import commands, test_python_function
from .test_python_function import SPEC, ask, visits

ROWS = 20_000
FEW = 2_000
"""Half of the rows are sampled, and written in chunks of three tenths."""


class Silent:
    def say(self, text: str) -> None:
        """Nobody listens."""

    def chunk(self, done: int, chunks: int) -> None:
        """Nobody listens."""


def train(registry: Registry, folder: Path, name: str, estimator: str, *, parameters: str = "", **facts: str) -> None:
    (folder / "visits.csv").write_text(visits())
    spec = folder / "spec.toml"
    spec.write_text(SPEC.format(name=name, estimator=estimator, **facts) + parameters)
    commands.run(registry.uri, folder, spec)


TREE = {
    "task": "classification",
    "target": "late",
    "other": "amount",
    "metric": "roc_auc",
    "more": "[decision]\nthreshold = 0.3\n",
    "parameters": "parameters = { max_depth = 6 }\n",
}
NUMBERS = {"task": "regression", "target": "amount", "other": "late", "metric": "mae", "more": ""}


@pytest.mark.parametrize(
    ("name", "estimator", "facts", "rows"),
    [
        pytest.param(
            "batch-late", "sklearn.tree.DecisionTreeClassifier", TREE, FEW, id="a threshold, and a tree, on a few"
        ),
        pytest.param(
            "batch-late-all",
            "sklearn.tree.DecisionTreeClassifier",
            TREE,
            ROWS,
            id="a threshold, and a tree",
            marks=pytest.mark.long,
        ),
        pytest.param("batch-amount", "sklearn.linear_model.Ridge", NUMBERS, ROWS, id="numbers", marks=pytest.mark.long),
    ],
)
def test_sampled_rows_have_the_answers_of_the_api(
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    estimator: str,
    facts: dict[str, str],
    rows: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    train(registry, tmp_path, name, estimator, **facts)
    monkeypatch.setattr(test_python_function, "ROWS", rows)
    monkeypatch.setattr(encoding, "_GROUP_ROWS", 3 * rows // 10)
    table = visits()
    Path("new.csv").write_text(table)
    context = Context.from_settings(Settings(registry_uri=registry.uri, state=tmp_path / "state"))
    classes = facts["task"] == "classification"
    asked: dict[str, Any] = {"existing": "refuse", "ids": (), "probabilities": classes, "rejects": None}
    score(context, request_of(name, table="new.csv", output="scores.parquet", **asked), listener=Silent())
    scores = parquet.read_table("scores.parquet").to_pandas()
    assert scores["id"].tolist() == [str(row) for row in range(rows)]
    sample = np.random.default_rng(5).choice(rows, rows // 2, replace=False)
    expected = answers(registry, name, table, sample)
    assert scores["prediction"].to_numpy()[sample].tolist() == [row["prediction"] for row in expected]
    if classes:
        assert len(set(scores["prediction"])) == 2
        for label in ("no", "yes"):
            found = scores[f"probability_{label}"].to_numpy()[sample].tolist()
            assert found == [row["probabilities"][label] for row in expected]


def answers(registry: Registry, name: str, table: str, sample: Any) -> list[dict[str, Any]]:
    """What the API answers for rows of a table."""
    champion = registry.find(name, "champion")
    assert champion is not None
    columns = [column.name for column in registry.manifest(champion).input_schema.columns]
    header, *lines = csv.reader(io.StringIO(table))
    places = [header.index(column) for column in columns]
    written = io.StringIO()
    csv.writer(written).writerows(
        [[row[place] for place in places] for row in [header, *(lines[row] for row in sample)]]
    )
    return asyncio.run(ask(registry.uri, name, Path("cache"), written.getvalue().encode()))
