import pytest
from mlyard_shared.schema import Column, DateExpansion, Schema
from pydantic import ValidationError

DAY = Column(name="day", type="datetime", nullable=False)
SIZE = Column(name="size", type="number", nullable=True)


def test_a_schema_knows_the_parts_of_its_dates_and_the_names_of_its_inputs() -> None:
    schema = Schema(columns=(SIZE, DAY), dates=(DateExpansion(column="day", parts=("year", "hour")),))
    assert schema.parts("day") == ("year", "hour")
    assert schema.input_names == ("size", "day.year", "day.hour")


@pytest.mark.parametrize(
    ("columns", "dates", "message"),
    [
        pytest.param((SIZE, SIZE), (), "two columns have the same name", id="column twice"),
        pytest.param((DAY,), (), "each datetime column has one expansion", id="date without parts"),
        pytest.param((SIZE,), (("size", ("year",)),), "each datetime column has one", id="parts of a number"),
        pytest.param((DAY,), (("day", ("year",)),) * 2, "each datetime column has one", id="two expansions"),
        pytest.param((DAY,), (("day", ()),), "at least 1 item", id="no part"),
        pytest.param((DAY,), (("day", ("year", "year")),), "two inputs .* the name day.year", id="part twice"),
        pytest.param(
            (DAY, Column(name="day.year", type="integer", nullable=False)),
            (("day", ("year",)),),
            "two inputs .* the name day.year",
            id="column named as a part",
        ),
    ],
)
def test_a_schema_that_contradicts_itself_is_an_error(
    columns: tuple[Column, ...], dates: tuple[tuple[str, tuple[str, ...]], ...], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        Schema.model_validate(
            {"columns": columns, "dates": [{"column": name, "parts": parts} for name, parts in dates]}
        )


@pytest.mark.parametrize(("kind", "categories"), [("category", ()), ("number", ("a",))])
def test_categories_belong_to_category_columns(kind: str, categories: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="a category has categories, and nothing else has"):
        Column.model_validate({"name": "c", "type": kind, "nullable": False, "categories": categories})


def test_contracts_are_frozen_and_closed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SIZE.name = "other"  # type: ignore[misc] # the very thing that must fail
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Column.model_validate({"name": "c", "type": "number", "nullable": False, "unit": "m"})
