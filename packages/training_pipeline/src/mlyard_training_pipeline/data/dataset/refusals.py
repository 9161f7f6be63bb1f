"""What is said of a column that does not fit: the row, the value, and what the spec could say instead."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.columns import ColumnType
from mlyard_shared.columns.grammar import MAX_NUMBER

from mlyard_training_pipeline.data.columns import dates, doubts
from mlyard_training_pipeline.data.columns.cells import matches
from mlyard_training_pipeline.data.columns.doubts import Doubt, Evidence
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.columns.readings import Pair
from mlyard_training_pipeline.data.columns.values import Fault, shown
from mlyard_training_pipeline.data.dataset.reading import ColumnRead, gather
from mlyard_training_pipeline.data.problems import Problems
from mlyard_training_pipeline.data.table import Column

GROUPED_OR_NOT: frozenset[Pair] = frozenset({(".", None), (",", ".")})
_MANY = 20
_LONGEST = 60
"""So many characters a word for a missing value may have."""

_KINDS: dict[ColumnType, str] = {
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "datetime": "an ISO 8601 date, such as 2026-01-31 or 2026-01-31T12:00:00Z",
    "category": "a text",
}


class Refusals:
    """Notes what is wrong with the columns of one table.

    `may_be_null` says whether a value of a column may be missing, `may_go` whether a model can do without the column.
    """

    def __init__(self, problems: Problems, form: NumberForm) -> None:
        """Note problems here; texts are numbers in this form."""
        self._problems, self._form = problems, form

    def faults(self, column: Column, read: ColumnRead, *, may_be_null: bool, may_go: bool) -> None:
        """Values that are not of the column's type, or beyond its limits."""
        for fault in read.faults.values():
            ways: dict[str, Any] = {"leave_out": column.name} if may_go else {}
            if fault.code == "wrong_type" and read.type == "integer" and _is_fraction(fault):
                ways["types"] = [(column.name, "number", "if fractions are meant")]
            else:
                ways |= self._ways_beside(column, read, fault, may_be_null=may_be_null)
            text = (
                f"column {column.name!r}, row {fault.row}{_more(fault.rows)}: {fault.shown} {_says(fault, read.type)}"
            )
            self._problems.add(text, first=["correct it"], **ways)

    def _ways_beside(self, column: Column, read: ColumnRead, fault: Fault, *, may_be_null: bool) -> dict[str, Any]:
        """What the spec could say of the column, so that its values are meant as something else."""
        ways: dict[str, Any] = {}
        if may_be_null and _may_be_missing(column, read, fault):
            ways["missing"] = fault.texts
        if fault.code in ("wrong_type", "bad_date") and fault.texts:
            doubt = doubts.doubt_of(gather(column, self._form))
            ways |= _ways_of(doubt, may_be_null=may_be_null) if doubt else {}
        a_moment = dates.holds_dates(column.kind)
        if read.type != "category" and not a_moment and self._may_be_text(column.name):
            ways["types"] = [(column.name, "category", "if texts are meant")]
        return ways

    def doubts(self, column: Column, read: ColumnRead, *, may_be_null: bool, may_go: bool) -> bool:
        """Texts that are most likely meant as something else than a category; whether there is such a doubt."""
        evidence = read.evidence
        doubt = doubts.doubt_of(evidence) if evidence is not None else None
        if doubt is None or evidence is None:
            return False
        as_text: list[tuple[str, ColumnType, str]] = []
        if self._may_be_text(column.name):
            as_text.append((column.name, "category", "if texts are meant"))
        ways = _ways_of(doubt, may_be_null=may_be_null)
        first = []
        if doubt.reading is not None:
            text = self._located(column, evidence, doubt) + " is a number in another form than the spec names"
            if not doubt.reading.pairs:
                first = ["write all of them alike, such as -1234.5, and with the same unit if they have one"]
        elif doubt.foreign:
            text = self._located(column, evidence, doubt) + " is a date in a form that is not read"
            first = ["write all of them as in 2026-01-31 or 2026-01-31T12:00:00+01:00"]
        else:
            what = {"boolean": "true and false", "number": "numbers", "datetime": "dates"}[doubt.type]
            text = self._located(column, evidence, doubt) + f" stands among {what}"
            first = ["correct it"]
        if not may_be_null and doubt.reading is None:
            first.append("take the row out")
        leave = {"leave_out": column.name} if may_go and not ways.get("missing") else {}
        self._problems.add(f"column {column.name!r}, {text}", first=first, types=as_text, **ways, **leave)
        return True

    def grouped(self, column: Column) -> None:
        """Numbers whose decimals may as well be thousands."""
        cells = next(cells for cells in column.runs() if matches(cells.values, r".*\..*").any())
        value = cells.values.filter(pa.array(matches(cells.values, r".*\..*")))[0]
        self._problems.add(
            f"column {column.name!r}: every number looks like {shown(value)}, whose point may stand between thousands "
            "or before decimals",
            pairs=GROUPED_OR_NOT,
            each=True,
            types=[(column.name, "category", "if texts are meant")],
        )

    def _may_be_text(self, name: str) -> bool:
        """Whether a column's part in the spec leaves it open what its values are."""
        spec = self._problems.spec
        return name != spec.event_time and not (name == spec.target and spec.task == "regression")

    def _located(self, column: Column, evidence: Evidence, doubt: Doubt) -> str:
        """The first row with one of the texts in question, what it is, and how many more there are."""
        strays = pa.array(list(doubt.strays), pa.string())
        if doubt.reading is not None:
            strays = evidence.sample.filter(pa.array(~matches(evidence.sample, self._form.number)))
        row, value, count = None, None, 0
        for cells in column.runs():
            found = cells.spread(pc.is_in(cells.values, strays).to_numpy(zero_copy_only=False).astype(bool), False)
            if row is None and found.any():
                at = int(found.argmax())
                row = cells.start + at + 1
                value = cells.values[at if cells.positions is None else int(cells.positions[at])]
            count += int(found.sum())
        return f"row {row}{_more(count)}: {shown(value)}"


def _ways_of(doubt: Doubt, *, may_be_null: bool) -> dict[str, Any]:
    ways: dict[str, Any] = {}
    if doubt.reading is not None:
        ways |= {"pairs": doubt.reading.pairs, "units": doubt.reading.units}
    words = [text for text in doubt.strays if not _is_numeric(text)]
    named = doubt.known_words or (doubt.reading is None and not doubt.foreign)
    if may_be_null and words and len(words) <= _MANY and named and _are_short(words):
        ways["missing"] = words
    return ways


def _may_be_missing(column: Column, read: ColumnRead, fault: Fault) -> bool:
    """Whether the texts of a fault are all known, and something is left of the column without them."""
    rows = column.table.rows
    return len(fault.texts) < _MANY and _are_short(fault.texts) and fault.rows < rows and read.facts.nulls < rows


def _are_short(words: Sequence[str]) -> bool:
    return all(len(text) <= _LONGEST for text in words)


def _is_numeric(text: str) -> bool:
    return bool(matches(pa.array([text]), NumberForm().any_number)[0])


def _is_fraction(fault: Fault) -> bool:
    return all(_is_numeric(text) for text in fault.texts)


def _more(rows: int) -> str:
    return f" (and {rows - 1} more)" if rows > 1 else ""


def _says(fault: Fault, kind: ColumnType) -> str:
    match fault.code:
        case "wrong_type" | "bad_date":
            return f"is not {_KINDS[kind]}"
        case "not_finite":
            return "is infinite"
        case "out_of_range" if kind == "integer":
            return "is not between -(2^53) and 2^53, beyond which numbers lose digits"
        case "out_of_range" if kind == "number":
            return f"is beyond {MAX_NUMBER:.3g}, the largest number that a model computes with"
        case "out_of_range":
            return "does not lie in the years 1 to 9999 in UTC"
        case "text_too_long":
            return "has more than 10000 characters"
        case _:
            return "must not be a text: it holds a NUL, is not Unicode, or stands for a missing value"
