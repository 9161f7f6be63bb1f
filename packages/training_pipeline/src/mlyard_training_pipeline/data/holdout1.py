"""Who was held out from a version of contract 1: a SHA-256 over the texts of its key, as version 0.2.0 spelled them."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import HoldoutRule

from mlyard_training_pipeline.data import holdout
from mlyard_training_pipeline.data.columns import Cells, inference
from mlyard_training_pipeline.data.columns.cells import Mask, matches
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.siphash import Hashes
from mlyard_training_pipeline.data.table import Column, Table

_PLAIN = NumberForm()


def members(table: Table, rule: HoldoutRule, earlier: Table) -> Mask:
    """Which rows a rule by hash of contract 1 holds out, shape [rows].

    Args:
        table: whose rows are asked about.
        rule: names columns that are in it.
        earlier: what the version was trained on. A key that is stored in another way since has other hashes, and the
            version may have trained on rows that they hold out.

    Raises:
        TableError: a column of the key is stored in another way than then.
    """
    for name in rule.columns:
        _check_unchanged(table, earlier, name)
    return holdout.below(hashes(table, rule.columns), rule.fraction)


def hashes(table: Table, columns: Sequence[str]) -> Hashes:
    """The first 64 bits of the SHA-256 of each row's texts in some columns."""
    rows = zip(*(_texts(table.column(name)) for name in columns), strict=True)
    return np.fromiter(map(_hash, rows), dtype=np.uint64, count=table.rows)


def _check_unchanged(table: Table, earlier: Table, name: str) -> None:
    if name not in earlier.names:
        raise TableError(f"the table that it was trained on has no column {name!r}, which says what was held out")
    then, now = _form(earlier.column(name)), _form(table.column(name))
    if then != now:
        raise TableError(
            f"column {name!r}, which says what was held out, holds {now} now and held {then} then, so that its rows "
            "are not the same ones any more"
        )


def _form(column: Column) -> str:
    """How a key is stored: texts that look like integers are not spelled as those that look like other numbers."""
    if not pa.types.is_string(column.kind):
        return str(column.kind)
    kind = None
    for cells in column.runs():
        if matches(cells.values, r"(?s)\s.*|.*\s").any():
            return "texts within blanks"  # which are cut since
        if cells.values.null_count < len(cells.values):
            kind = inference.widened(kind, cells, _PLAIN) if kind else inference.narrowest(cells, _PLAIN)
            if kind in (None, "category"):
                return "texts"
    return f"texts that look like {kind}"


def _texts(column: Column) -> Iterator[str | None]:
    for cells in column.runs():
        yield from _spelled(cells)


def _spelled(cells: Cells) -> list[str | None]:
    values = cells.values
    if pa.types.is_integer(values.type):
        values = values.cast(pa.string())
    texts = [_text(value) for value in values.to_pylist()]
    return texts if cells.positions is None else [None if at < 0 else texts[at] for at in cells.positions.tolist()]


def _text(value: Any) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _hash(row: tuple[str | None, ...]) -> int:
    """The first 64 bits of the SHA-256 of a row's texts; lengths keep ("ab", "c") and ("a", "bc") apart."""
    content = "".join("-" if text is None else f"{len(text)}:{text}" for text in row)
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:8], "big")
