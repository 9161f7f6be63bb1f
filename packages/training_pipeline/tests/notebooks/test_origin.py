from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.notebooks import origin
from pyarrow import parquet

from .conftest import columns

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]


@pytest.fixture
def timed(mixed: Mixed, notebook_spec: Spec, tmp_path: Path) -> tuple[ModelSpec, Dataset, pd.DataFrame]:
    """A table with a row a day from 2026 on, of which the latest fifth is held out."""
    days = pd.date_range("2026-01-01", periods=240).strftime("%Y-%m-%d").tolist()
    table = columns(mixed) | {"at": days}
    spec = notebook_spec(key=[], event_time="at", features={"leave_out": ["amount", "at"]})
    parquet.write_table(pa.table(table), tmp_path / "snapshot.parquet")
    return spec, dataset.store.make(tmp_path / "snapshot.parquet", tmp_path, spec), pd.DataFrame(table)


def test_rows_before_the_holdout_are_none_of_it(timed: tuple[ModelSpec, Dataset, pd.DataFrame], tmp_path: Path) -> None:
    spec, data, table = timed
    early, late = tmp_path / "early.csv", tmp_path / "late.csv"
    table[~data.held_out].to_csv(early, index=False)
    found = origin.of_table(data, spec, early)
    assert (found.origin.outcome, found.held_out) == ("passed", None)
    table.to_csv(late, index=False)
    found = origin.of_table(data, spec, late)
    assert found.origin.outcome == "unknown"
    assert f"{int(data.held_out.sum())} rows of late.csv" in found.origin.reason


def test_of_a_pipeline_that_nobody_knows_only_later_rows_can_be_asked(
    timed: tuple[ModelSpec, Dataset, pd.DataFrame],
) -> None:
    _, data, _ = timed
    rule = origin.unknown(data).held_out
    assert rule is not None
    assert rule.by == "time"
    assert rule.boundary is not None
    assert rule.boundary > datetime(2026, 8, 28, tzinfo=UTC)
    assert not data.members(rule, lambda: Path()).any()


def test_the_table_that_it_was_fitted_on_has_to_say_which_row_is_which(
    made: Callable[[ModelSpec], Dataset], notebook_spec: Spec, frame: pd.DataFrame, tmp_path: Path
) -> None:
    spec = notebook_spec()
    frame.drop(columns="id").to_csv(tmp_path / "nameless.csv", index=False)
    with pytest.raises(TableError, match="the table has no column 'id'"):
        origin.of_table(made(spec), spec, tmp_path / "nameless.csv")
