"""The type of a column whose spec does not name it."""

from typing import Any

import pyarrow as pa
from mlyard_shared.columns import ColumnType, dates, texts

from mlyard_training_pipeline.data.columns.cells import Cells, all_match
from mlyard_training_pipeline.data.columns.dates import holds_dates
from mlyard_training_pipeline.data.columns.numbers import NumberForm, holds_numbers


def stored_type(kind: Any) -> ColumnType | None:
    """The type of a column that is stored as an Arrow type which is not text, or None where no model takes it."""
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if holds_numbers(kind):
        return "number"
    return "datetime" if holds_dates(kind) else None


def narrowest(cells: Cells, form: NumberForm) -> ColumnType:
    """The first type that every text of some cells fits."""
    return next((kind for kind, pattern in patterns(form).items() if all_match(cells.values, pattern)), "category")


def widened(kind: ColumnType, cells: Cells, form: NumberForm) -> ColumnType | None:
    """The type of a column that goes on with these cells, or None where it is not stored as the cells before."""
    if kind == "category" or all_match(cells.values, patterns(form)[kind]):
        return kind
    return "number" if kind == "integer" and all_match(cells.values, form.number) else None


def patterns(form: NumberForm) -> dict[ColumnType, str]:
    """What the texts of each type look like, in the order in which types are tried."""
    return {"boolean": texts.BOOLEAN, "integer": form.integer, "number": form.number, "datetime": dates.PATTERN}
