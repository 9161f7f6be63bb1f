"""Columns that tell the rows of a table apart and say nothing else."""

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.columns import ColumnType

from mlyard_training_pipeline.data import holdout
from mlyard_training_pipeline.data.columns import canonical, doubts, inference
from mlyard_training_pipeline.data.columns.cells import Cells, matches, valid
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.table import Table

Part = Literal["unique", "text", "repeated"]
"""An id of each row, texts of which no two are the same, and an id that comes again."""

_CAMEL = re.compile(r"[a-z](?:Id|ID|Key|Uuid|UUID)$")
_PLAIN = re.compile(r"(?:^|[\W_])(?:id|ids|uuid|guid|key|identifier|pk)(?:$|[\W_])", re.IGNORECASE)
_LONGEST = 100
"""Characters on average: longer texts are free texts, and no ids."""

_FEWEST = 20
"""With fewer different values than this a column may tell rows apart by chance."""


_PROSE = 0.2
"""With blanks in more of the texts than this they are names or remarks, which somebody may write anew."""


def is_named(name: str) -> bool:
    """Whether a column is called an id, as `customer_id`, `ID` or `orderId` are, but not `paid` or `width`."""
    return bool(_PLAIN.search(name) or _CAMEL.search(name))


def identifiers(table: Table, names: Sequence[str], form: NumberForm) -> dict[str, Part]:
    """The columns that are ids: different in each row (and never missing), or called so and coming again.

    Args:
        table: the snapshot.
        names: of the columns to look at.
        form: how numbers are written in texts.
    """
    found: dict[str, Part] = {}
    for name in names:
        kind = table.column(name).kind
        if not (pa.types.is_string(kind) or pa.types.is_integer(kind)) or not canonical.is_spelled(kind):
            continue
        first = next(table.runs(name), None)
        if first is None:
            continue
        meant = inference.narrowest(first, form) if first.is_text else "integer"
        if meant not in ("integer", "category") or (meant == "category" and _length(first) > _LONGEST):
            continue
        part = _part(table, name, meant, form, first)
        if part is not None:
            found[name] = part
    return found


def repeated(table: Table, columns: Sequence[str], form: NumberForm) -> int:
    """How many rows have a key that an earlier row has too."""
    return table.rows - len(np.unique(holdout.hashes(table, columns, form)))


def _part(table: Table, name: str, meant: ColumnType, form: NumberForm, first: Cells) -> Part | None:
    different = pc.count_distinct(first.values).as_py()
    if different < len(first) or not _is_full(table, name) or repeated(table, [name], form):
        return "repeated" if is_named(name) and meant == "integer" and different > _FEWEST else None
    if is_named(name):
        return "unique"
    if meant == "category":
        if table.rows < _FEWEST or _is_doubtful(first, form):
            return None
        return "text" if matches(first.values, r"(?s).*\s.*").mean() > _PROSE else "unique"
    # Measures may all differ; whole numbers without a gap are a row's number.
    return "unique" if table.rows >= _FEWEST and _is_consecutive(table, name) else None


def _is_full(table: Table, name: str) -> bool:
    return all(
        valid(cells.values).all() and (cells.positions is None or (cells.positions >= 0).all())
        for cells in table.runs(name)
    )


def _is_consecutive(table: Table, name: str) -> bool:
    """Whether integers, which are all different, fill the range between the least and the greatest."""
    low, high = [], []
    try:
        for cells in table.runs(name):
            ends = pc.min_max(cells.values.cast(pa.int64()))
            low.append(ends["min"].as_py())
            high.append(ends["max"].as_py())
    except pa.ArrowInvalid:
        return False
    return bool(low) and max(high) - min(low) == table.rows - 1


def _is_doubtful(cells: Cells, form: NumberForm) -> bool:
    """Whether texts are most likely numbers or dates in another form than the spec names."""
    evidence = doubts.Evidence(form)
    evidence.add(cells.values, cells.counts)
    return doubts.doubt_of(evidence) is not None


def _length(cells: Cells) -> float:
    return float(pc.mean(pc.utf8_length(cells.values)).as_py() or 0)
