"""How the numbers of a table are written, seen over all of its columns: a key of the spec is for all of them."""

from collections.abc import Sequence

from mlyard_training_pipeline.data.columns import readings
from mlyard_training_pipeline.data.columns.cells import all_match
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.columns.readings import Pair
from mlyard_training_pipeline.data.dataset.making import Making
from mlyard_training_pipeline.data.dataset.reading import ColumnRead
from mlyard_training_pipeline.data.dataset.refusals import Refusals
from mlyard_training_pipeline.data.table import Column


def check(making: Making, columns: Sequence[ColumnRead]) -> None:
    """Note numbers whose points may stand between thousands, and how the columns that fit may be written."""
    problems, source = making.problems, making.spec.source
    asked = [problem.pairs for problem in problems.found if problem.pairs]
    commas = any(all(decimal == "," for decimal, _ in pairs) for pairs in asked)
    if source.decimal is None and making.form.is_plain:
        refusals, continental = Refusals(problems, making.form), commas or source.separator == ";"
        for found in (column for column in columns if column.grouped):
            stored = making.table.column(found.name)
            if found.name not in making.spec.features.types and (continental or _suggests_groups(stored)):
                refusals.grouped(stored)
    if not asked:
        return
    for found in columns:
        stored = making.table.column(found.name)
        if found.type in ("integer", "number") and not found.faults and str(stored.kind) == "string":
            problems.number_columns.append(_pairs(stored, making.form.units))


def _suggests_groups(column: Column) -> bool:
    first = next(cells.values for cells in column.runs() if cells.values.null_count < len(cells.values))
    return readings.suggest_groups(first)


def _pairs(column: Column, units: tuple[str, ...]) -> frozenset[Pair]:
    """The ways to write numbers that read the first texts of a column."""
    texts = next(cells.values for cells in column.runs() if cells.values.null_count < len(cells.values))
    return frozenset(pair for pair in readings.PAIRS if all_match(texts, NumberForm(*pair, units).number))
