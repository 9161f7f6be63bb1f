"""Where a schema's columns are: in the matrix of inputs, and in the wider one that an estimator is fitted on."""

from dataclasses import dataclass
from functools import cached_property

from mlyard_shared.schema import Schema


@dataclass(frozen=True)
class Encoding:
    """The numbers first, then one column for each category, null included where a column is nullable.

    `numbers` are positions of inputs; `categories` has for each position of a category how many columns it becomes.
    """

    schema: Schema

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """Where the numbers are among the inputs."""
        return tuple(position for position in range(len(self.schema.input_names)) if position not in self.categories)

    @cached_property
    def categories(self) -> dict[int, int]:
        """How many columns each category becomes, by its position among the inputs."""
        places = {name: position for position, name in enumerate(self.schema.input_names)}
        return {
            places[column.name]: len(column.categories) + column.nullable
            for column in self.schema.columns
            if column.type == "category"
        }

    @property
    def width(self) -> int:
        """How many columns the estimator is fitted on."""
        return len(self.numbers) + sum(self.categories.values())

    @property
    def density(self) -> float:
        """The share of cells that may be other than 0."""
        return (len(self.numbers) + len(self.categories)) / self.width

    @property
    def nullable(self) -> bool:
        """Whether a number may be null."""
        return any(column.nullable for column in self.schema.columns if column.type != "category")

    @cached_property
    def encoded(self) -> dict[str, tuple[int, ...]]:
        """Where each column is in the estimator's matrix, by its name; a date also by each of its parts."""
        places = dict(zip(self.numbers, range(len(self.numbers)), strict=True))
        found: dict[str, tuple[int, ...]] = {}
        start, position = len(self.numbers), 0
        for column in self.schema.columns:
            if column.type == "category":
                size = self.categories[position]
                found[column.name] = tuple(range(start, start + size))
                start, position = start + size, position + 1
                continue
            parts = self.schema.parts(column.name) if column.type == "datetime" else (None,)
            own = tuple(places[position + offset] for offset in range(len(parts)))
            found[column.name] = own
            found |= {f"{column.name}.{part}": (place,) for part, place in zip(parts, own, strict=True) if part}
            position += len(parts)
        return found
