"""Tables that become Datasets without a registry: written as a snapshot is, and read by the same code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import encoding
from mlyard_training_pipeline.data.dataset import Dataset, store
from mlyard_training_pipeline.data.sources import TableStream
from mlyard_training_pipeline.data.table import Table

Made = Callable[[Any, ModelSpec], Dataset]


def stream_of(arrow: Any, rows: int = 100) -> TableStream:
    """An Arrow table as a source gives it, in batches of so many rows."""
    return TableStream(arrow.schema, iter(arrow.to_batches(max_chunksize=rows)), "the table")


@pytest.fixture
def snapshot(tmp_path: Path) -> Callable[[Any], Path]:
    """Writes the file of a snapshot."""

    def write(arrow: Any) -> Path:
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        encoding.write(stream_of(arrow), file)
        return file

    return write


@pytest.fixture
def stored(snapshot: Callable[[Any], Path]) -> Callable[[Any], Table]:
    """A table as a snapshot."""
    return lambda arrow: Table(snapshot(arrow))


@pytest.fixture
def made(snapshot: Callable[[Any], Path], tmp_path: Path) -> Made:
    """Makes the Dataset of a table, given as an Arrow table or as columns."""

    def make(table: Any, spec: ModelSpec) -> Dataset:
        arrow = table if isinstance(table, pa.Table) else pa.table(table)
        folder = tmp_path / f"dataset {len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return store.make(snapshot(arrow), folder, spec)

    return make
