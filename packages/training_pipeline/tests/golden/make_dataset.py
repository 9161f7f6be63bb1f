"""Makes the example of the Dataset's contract: `snapshot` with 0.2.0's own code, `dataset` with today's.

    PYTHONPATH=TREE/packages/shared/src:TREE/packages/training_pipeline/src PYTHON make_dataset.py snapshot
    PYTHON make_dataset.py dataset

TREE is `git archive 28842ce`, PYTHON that of the environment `training-pipeline`.
"""

import sys
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

FOLDER = Path(__file__).with_name("dataset")
SNAPSHOT, SPEC = "snapshot.parquet", "spec.toml"
ROWS = 60


def table() -> Any:
    """Every type of column, with nulls, and both kinds of columns that say which rows belong together."""
    number = range(ROWS)
    first = datetime(2024, 1, 1, tzinfo=UTC)
    return pa.table(
        {
            "id": pa.array([f"r{row}" for row in number]),
            "size": pa.array([None if row % 7 == 0 else row * 1.5 for row in number], pa.float64()),
            "count": pa.array([row % 5 for row in number], pa.int64()),
            "new": pa.array([None if row % 11 == 0 else row % 2 == 0 for row in number], pa.bool_()),
            "colour": pa.array([[None, "red", "grün", "blue"][row % 4] for row in number]),
            "code": pa.array([f"{row % 3:03}" for row in number]),
            "seen": pa.array([first + timedelta(hours=row * 5) for row in number], pa.timestamp("us", tz="UTC")),
            "kind": pa.array(["small" if row % 3 else "large" for row in number]),
        }
    )


def make_snapshot() -> None:
    """Write the table as a snapshot of 0.2.0."""
    snapshots: Any = import_module("mlyard_training_pipeline.snapshots")

    (FOLDER / SNAPSHOT).write_bytes(snapshots.encode(table()))


def make_dataset() -> None:
    """Make the Dataset of the snapshot."""
    from mlyard_shared.spec import read_spec
    from mlyard_training_pipeline.data.dataset import store
    from mlyard_training_pipeline.data.dataset.layout import FORMAT

    folder = FOLDER / str(FORMAT)
    folder.mkdir(exist_ok=True)
    store.make(FOLDER / SNAPSHOT, folder, read_spec(FOLDER / SPEC))


if __name__ == "__main__":
    {"snapshot": make_snapshot, "dataset": make_dataset}[sys.argv[1]]()
