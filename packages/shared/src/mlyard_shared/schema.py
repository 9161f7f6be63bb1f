"""What a model takes: its columns, what its dates become, and the form in which its engines see them."""

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.columns import ColumnType
from mlyard_shared.contract import Contract

__all__ = ["Column", "ColumnType", "DateExpansion", "DatePart", "InputForm", "Schema", "Value"]

DatePart = Literal["year", "month", "day", "weekday", "hour", "minute", "day_of_year", "days_since_epoch"]
Value = bool | int | float | str


class Column(Contract):
    """One column of a model's input.

    `categories` are the values seen in training; `unseen` says whether the model takes others. A date is an ISO 8601
    text, taken as UTC where it names no offset. `example` is a value that the model was tried on. `rounded` says that
    values of the training lost digits when they became float32, with which scikit-learn feeds its trees.
    """

    name: str
    type: ColumnType
    nullable: bool
    categories: tuple[str, ...] = ()
    unseen: Literal["refuse", "accept"] = "refuse"
    example: Value | None = None
    rounded: bool = False

    @cached_property
    def codes(self) -> dict[str, int]:
        """The position of each category."""
        return {category: position for position, category in enumerate(self.categories)}

    @model_validator(mode="after")
    def _categories_fit(self) -> Self:
        if (self.type == "category") != bool(self.categories):
            raise ValueError(f"column {self.name}: a category has categories, and nothing else has")
        return self


class DateExpansion(Contract):
    """The numbers that a date becomes; weekday counts from Monday = 0."""

    column: str
    parts: Annotated[tuple[DatePart, ...], Field(min_length=1)]


class InputForm(Contract):
    """How engines see a model's inputs.

    `codes`: one matrix of numbers, in which a category is its position in the schema's `categories`, null the number
    after the last one, and a category that was not in training -1; rounded to `precision`. `text` is the form of
    contract 1: categories as texts, in a matrix of objects for scikit-learn and one ONNX input a column.
    """

    encoding: Literal["codes", "text"] = "codes"
    precision: Literal["float32", "float64"] = "float64"


class Schema(Contract):
    """A model's input: its columns in order, and the expansion of each date."""

    columns: tuple[Column, ...]
    dates: tuple[DateExpansion, ...] = ()

    @model_validator(mode="after")
    def _dates_fit(self) -> Self:
        names = [column.name for column in self.columns]
        if len(names) != len(set(names)):
            raise ValueError("two columns have the same name")
        dates = [column.name for column in self.columns if column.type == "datetime"]
        if sorted(dates) != sorted(expansion.column for expansion in self.dates):
            raise ValueError("each datetime column has one expansion, and no other column has")
        inputs = self.input_names
        if twice := next((name for name in inputs if inputs.count(name) > 1), None):
            raise ValueError(
                f"two inputs of the model have the name {twice}: rename the column, or take another date part"
            )
        return self

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the model's inputs, in order: a date `d` is replaced by `d.year`, `d.month`, ..."""
        names: list[str] = []
        for column in self.columns:
            if column.type == "datetime":
                names += [f"{column.name}.{part}" for part in self.parts(column.name)]
            else:
                names.append(column.name)
        return tuple(names)

    def parts(self, column: str) -> tuple[DatePart, ...]:
        """The parts that a date column becomes."""
        return next(expansion.parts for expansion in self.dates if expansion.column == column)
