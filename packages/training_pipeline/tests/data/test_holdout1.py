"""A rule of contract 1 holds out what version 0.2.0 held out, and says so where it cannot."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import HoldoutRule
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import holdout1
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.data.table import Table

Stored = Callable[[Any], Table]


def rule(*columns: str) -> HoldoutRule:
    return HoldoutRule(by="hash", columns=columns, fraction=0.3, hash_name="sha256")


def as_0_2_0_did(rows: list[tuple[str | None, ...]]) -> list[bool]:
    found = []
    for row in rows:
        content = "".join("-" if text is None else f"{len(text)}:{text}" for text in row)
        found.append(int.from_bytes(hashlib.sha256(content.encode()).digest()[:8], "big") < int(0.3 * 2**64))
    return found


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        pytest.param([str(n) for n in range(50)], [str(n) for n in range(50)], id="texts"),
        pytest.param([f"{n}.0" for n in range(50)], [f"{n}.0" for n in range(50)], id="texts of floats"),
        pytest.param(list(range(50)), [str(n) for n in range(50)], id="integers"),
        pytest.param([n / 4 for n in range(50)], [str(n / 4) for n in range(50)], id="floats"),
        pytest.param([True, False] * 25, ["true", "false"] * 25, id="booleans"),
        pytest.param([Decimal(f"{n}.10") for n in range(50)], [f"{n}.10" for n in range(50)], id="decimals"),
        pytest.param(
            [datetime(2024, 1, 1, n % 24, tzinfo=UTC) for n in range(50)],
            [f"2024-01-01T{n % 24:02}:00:00+00:00" for n in range(50)],
            id="times with a zone",
        ),
        pytest.param(["a", None, "b"] * 20, ["a", None, "b"] * 20, id="texts that come again"),
    ],
)
def test_the_same_rows_are_held_out_as_by_version_0_2_0(
    stored: Stored, cells: list[Any], texts: list[str | None]
) -> None:
    table = stored(pa.table({"id": cells, "b": ["x"] * len(cells)}))
    expected = as_0_2_0_did([(text, "x") for text in texts])
    assert holdout1.members(table, rule("id", "b"), table).tolist() == expected
    assert any(expected)


@pytest.mark.parametrize(
    ("then", "now", "message"),
    [
        pytest.param(["1", "2"], ["1.0", "2.0"], "texts that look like number now and held texts", id="spelled anew"),
        pytest.param(["1", "2"], [1, 2], "holds int64 now and held texts that look like integer then", id="typed"),
        pytest.param([1, 2], [1.0, 2.0], "holds double now and held int64 then", id="floats"),
        pytest.param(["1 ", "2"], ["1", "2"], "held texts within blanks then", id="blanks, which are cut now"),
    ],
)
def test_a_key_that_is_stored_in_another_way_cannot_be_compared(
    stored: Stored, then: list[Any], now: list[Any], message: str
) -> None:
    with pytest.raises(TableError, match=message):
        holdout1.members(stored(pa.table({"id": now})), rule("id"), stored(pa.table({"id": then})))


def test_a_key_that_the_earlier_table_lacked_cannot_be_compared(stored: Stored) -> None:
    with pytest.raises(TableError, match="it was trained on has no column 'id'"):
        holdout1.members(stored(pa.table({"id": ["1"]})), rule("id"), stored(pa.table({"other": ["1"]})))


def test_a_dataset_answers_by_the_hash_of_the_rule(
    made: Callable[[Any, ModelSpec], Dataset],
    snapshot: Callable[[Any], Any],
    spec: Callable[..., ModelSpec],
    mixed: Callable[..., dict[str, list[Any]]],
) -> None:
    table = pa.table(mixed())
    found = made(table, spec())
    old = found.members(rule("id"), lambda: snapshot(table))
    assert old.tolist() == as_0_2_0_did([(str(row),) for row in range(240)])
    never: Any = None
    assert (found.members(found.rule, never) == found.held_out).all()
    with pytest.raises(TableError, match="has no column 'gone' any more"):
        found.members(rule("gone"), never)
    assert not np.array_equal(old, found.held_out)
