"""What a model takes: its columns, and what its dates become."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract

ColumnType = Literal["integer", "number", "boolean", "category", "datetime"]
DatePart = Literal["year", "month", "day", "weekday", "hour", "minute", "day_of_year", "days_since_epoch"]
Value = bool | int | float | str


class Column(Contract):
    """One column of a model's input.

    `categories` are the values seen in training; `unseen` says whether the model takes others. A date is an ISO 8601
    text, taken as UTC where it names no offset. `example` is a value that the model was tried on.
    """

    name: str
    type: ColumnType
    nullable: bool
    categories: tuple[str, ...] = ()
    unseen: Literal["refuse", "accept"] = "refuse"
    example: Value | None = None

    @model_validator(mode="after")
    def _categories_fit(self) -> Self:
        if (self.type == "category") != bool(self.categories):
            raise ValueError(f"column {self.name}: a category has categories, and nothing else has")
        return self


class DateExpansion(Contract):
    """The numbers that a date becomes; weekday counts from Monday = 0."""

    column: str
    parts: Annotated[tuple[DatePart, ...], Field(min_length=1)]


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
