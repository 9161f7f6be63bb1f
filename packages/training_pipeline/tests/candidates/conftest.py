"""Real Datasets of small tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.data.dataset import Dataset
from pyarrow import parquet


@pytest.fixture
def made(tmp_path: Path) -> Callable[[dict[str, list[Any]], ModelSpec], Dataset]:
    """Make the Dataset of columns of texts or values, as a spec means them."""

    def make(columns: dict[str, list[Any]], spec: ModelSpec) -> Dataset:
        folder = tmp_path / f"dataset-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        parquet.write_table(pa.table(columns), folder / "snapshot.parquet")
        return dataset.store.make(folder / "snapshot.parquet", folder, spec)

    return make
