"""What the document says of a cell is what the grammar takes."""

import re
from typing import Any

import pytest
from mlyard_model_api.routes.openapi.schemas import cell
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS
from mlyard_shared.schema import Column, ColumnType

DATES = [
    "2026-03-31",
    "2024-02-29",
    "2000-02-29",
    "2026-12-31T23:59",
    "2026-12-31 23:59:59.123456789",
    "2026-12-31T00:00:00Z",
    "2026-12-31T00:00:00+02:00",
    "9998-12-31T23:59:59-23:59",
    "0002-01-01T00:00:00+23:59",
    "2026-02-29",
    "1900-02-29",
    "2026-04-31",
    "2026-13-01",
    "2026-00-10",
    "2026-01-32",
    "0000-01-01",
    "2026-1-1",
    "20260331",
    "2026-03-31T24:00",
    "2026-03-31T18",
    "2026-03-31T18:30Z ",
    "2026-03-31T18:30:00.1234567890",
    "2026-03-31Z",
    "2026-03-31T18:30:00+24:00",
    "2026-03-31T18:30z",
    "\n2026-03-31",
]
OF_GRAMMAR_2 = ["2026-12-31T00:00:00+02", "2026-12-31T00:00:00+0200"]


def column(kind: ColumnType, **facts: Any) -> Column:
    return Column(name="x", type=kind, nullable=False, **facts)


@pytest.mark.parametrize("version", GRAMMARS)
@pytest.mark.parametrize("text", [*DATES, *OF_GRAMMAR_2])
def test_a_date_matches_where_it_is_taken(text: str, version: int) -> None:
    of, grammar = column("datetime"), GRAMMARS[version]
    pattern = cell(of, grammar)["pattern"]
    taken = not list(cells.faults(of, [text], grammar))
    assert bool(re.search(pattern, text)) == taken


@pytest.mark.parametrize("version", GRAMMARS)
@pytest.mark.parametrize("kind", ["number", "integer"])
def test_bounds_are_the_largest_values_that_are_taken(kind: ColumnType, version: int) -> None:
    of, grammar = column(kind), GRAMMARS[version]
    described = cell(of, grammar)
    for bound, beyond in ((described["maximum"], 2), (described["minimum"], 2)):
        assert not list(cells.faults(of, [bound], grammar))
        assert list(cells.faults(of, [bound * beyond], grammar))


def test_categories_are_told_where_no_others_are_taken() -> None:
    known = ("red", "blue")
    refused = cell(column("category", categories=known, unseen="refuse"), GRAMMARS[2])
    assert refused == {"type": "string", "enum": ["red", "blue"]}
    accepted = cell(column("category", categories=known, unseen="accept"), GRAMMARS[2])
    assert "enum" not in accepted
    assert "red, blue" in accepted["description"]
    assert accepted["maxLength"] == 10_000
    assert accepted["not"] == {"enum": ["<missing>"]}
    many = cell(column("category", categories=tuple(map(str, range(2000)))), GRAMMARS[2])
    assert "2000" in many["description"]
    assert len(str(many)) < 200


def test_null_is_told_where_it_is_taken() -> None:
    known = ("red", "blue")
    nullable = Column(name="x", type="category", nullable=True, categories=known, example="red")
    assert cell(nullable, GRAMMARS[2]) == {
        "type": "string",
        "enum": ["red", "blue", None],
        "nullable": True,
        "example": "red",
    }
