"""Pipelines as people fit them in notebooks, and the table that they are fitted on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.data.dataset import Dataset
from pyarrow import parquet

NUMBERS, TEXTS = ["size", "count"], ["colour", "code"]


def columns(mixed: Callable[..., dict[str, list[Any]]]) -> dict[str, list[Any]]:
    """The mixed table without dates, with a column of codes."""
    found = mixed()
    del found["seen"]
    return found | {"code": [str(1 + row % 3) for row in range(len(found["id"]))]}


@pytest.fixture
def notebook_spec(spec: Callable[..., ModelSpec]) -> Callable[..., ModelSpec]:
    def make(**changes: Any) -> ModelSpec:
        features = {"leave_out": ["amount"], "types": {"code": "category"}} | changes.pop("features", {})
        return spec(features=features, **changes)

    return make


@pytest.fixture
def table(mixed: Callable[..., dict[str, list[Any]]], tmp_path: Path) -> Path:
    file = tmp_path / "table.csv"
    pd.DataFrame(columns(mixed)).to_csv(file, index=False)
    return file


@pytest.fixture
def frame(table: Path) -> pd.DataFrame:
    """The table as a notebook reads it."""
    return pd.read_csv(table)


@pytest.fixture
def made(mixed: Callable[..., dict[str, list[Any]]], tmp_path: Path) -> Callable[[ModelSpec], Dataset]:
    def make(spec: ModelSpec) -> Dataset:
        parquet.write_table(pa.table(columns(mixed)), tmp_path / "snapshot.parquet")
        return dataset.store.make(tmp_path / "snapshot.parquet", tmp_path, spec)

    return make
