"""The values of cells whose type is known, and the texts that break it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.columns import ColumnType
from mlyard_shared.errors import TableError

from mlyard_training_pipeline.data.columns import dates, numbers
from mlyard_training_pipeline.data.columns.categories import NULL as NO_CATEGORY
from mlyard_training_pipeline.data.columns.categories import Categories
from mlyard_training_pipeline.data.columns.cells import Array, Cells, Parsed
from mlyard_training_pipeline.data.columns.numbers import NumberForm

NULLS: dict[ColumnType, Any] = {
    "integer": np.nan,
    "number": np.nan,
    "boolean": np.nan,
    "datetime": dates.NULL,
    "category": NO_CATEGORY,
}
"""How null is stored in a column of each type."""

_TEXTS = 20
_SHOWN = 40


@dataclass
class Fault:
    """Values that break the grammar in one way: the first of them, how many rows have one, and some of their texts."""

    code: str
    row: int
    shown: str
    rows: int
    texts: list[str] = field(default_factory=list)


class Reader:
    """Reads the runs of one column as one type, and keeps what does not fit.

    `categories` are the texts by their codes, where the type is a category.
    """

    def __init__(self, kind: ColumnType, form: NumberForm, *, checked: bool = False) -> None:
        """Read cells as this type; `checked` says that all texts are known to have the form of one."""
        self.kind, self._form, self._checked = kind, form, checked
        self.categories = Categories()
        self.faults: dict[str, Fault] = {}

    def read(self, cells: Cells) -> Array:
        """The values of the rows: float64, int64 microseconds, or int32 codes.

        Raises:
            TableError: the column is stored as something that is not of this type.
        """
        parsed = self.parse(cells)
        for code, mask in parsed.faults:
            self._keep(code, np.flatnonzero(mask), cells)
        return cells.spread(parsed.values, NULLS[self.kind])

    def parse(self, cells: Cells) -> Parsed:
        """The values of the cells, one a value that is stored, and which break the grammar.

        Raises:
            TableError: as `read` does.
        """
        values = cells.values
        if not cells.is_text and not _may_be(values.type, self.kind):
            raise TableError(f"is stored as {values.type}, which is not a {_CALLED.get(self.kind, self.kind)}")
        if self.kind == "category":
            return self.categories.codes(cells)
        if self.kind == "datetime":
            return dates.moments(values, checked=self._checked)
        if self.kind == "boolean":
            return numbers.booleans(values)
        read = numbers.integers if self.kind == "integer" else numbers.numbers
        return read(values, self._form, checked=self._checked)

    def _keep(self, code: str, wrong: Array, cells: Cells) -> None:
        rows = wrong if cells.positions is None else np.flatnonzero(np.isin(cells.positions, wrong))
        if len(rows) == 0:
            return
        value = cells.values[int(wrong[0] if cells.positions is None else cells.positions[rows[0]])]
        fault = self.faults.setdefault(code, Fault(code, cells.start + int(rows[0]) + 1, shown(value), 0))
        fault.rows += len(rows)
        if cells.is_text and len(fault.texts) < _TEXTS:
            more = pc.unique(cells.values.take(pa.array(wrong))).slice(0, _TEXTS)
            fault.texts = list(dict.fromkeys([*fault.texts, *readable(more)]))[:_TEXTS]


def _may_be(stored: Any, kind: ColumnType) -> bool:
    """Whether cells that are not texts may be read as a type; a category is made of whatever another type takes."""
    number, date = numbers.holds_numbers(stored), dates.holds_dates(stored)
    return date if kind == "datetime" else number or (date and kind == "category")


_CALLED: dict[ColumnType, str] = {"integer": "number", "datetime": "date", "category": "text"}


def shown(value: Any) -> str:
    """A cell as a message shows it."""
    if dates.holds_dates(value.type):
        # Python's own dates end with the year 9999.
        unit: Any = "D" if pa.types.is_date32(value.type) else getattr(value.type, "unit", "ms")
        text = str(np.datetime64(value.value, unit))
    elif pa.types.is_string(value.type):
        text = repr(readable(pa.array([value]))[0])
    else:
        text = str(value.as_py())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...{text[-1] if text[0] in QUOTES else ''}"


QUOTES = "'\""


def readable(texts: Any) -> list[str]:
    """Python's texts, with a sign in place of what is not UTF-8."""
    return [octets.decode("utf-8", "replace") for octets in texts.cast(pa.binary()).to_pylist()]
