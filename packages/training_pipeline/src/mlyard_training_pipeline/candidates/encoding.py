"""Where a schema's columns are: in the matrix of inputs, and in the one that an estimator is fitted on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Literal, NamedTuple

from mlyard_shared.schema import Column, Schema
from mlyard_shared.spec.features import CategoryEncoding

Part = Literal["native", "numbers", "one_hot", "target"]


class Levels(NamedTuple):
    """How one column is encoded: of `known` codes, null included, at most `kept` stay apart."""

    encoding: CategoryEncoding
    known: int
    kept: int

    @property
    def pooled(self) -> bool:
        """Whether rare codes become one."""
        return self.kept < self.known


class Block(NamedTuple):
    """Inputs that are encoded alike; where they are `pooled`, at most so many codes stay apart."""

    part: Part
    positions: tuple[int, ...]
    pooled: int | None = None


@dataclass(frozen=True)
class Encoding:
    """The categories that stay as they are, the numbers, a column for each level, and the means of the target.

    Where there is nothing but numbers and categories that stay as they are, the matrix of inputs is taken as it is.
    `levels` say how each category is encoded, by its name; one that they do not name becomes a column for each level.
    `means` is how many columns the means of the target are, one for each class where there are more than two.
    """

    schema: Schema
    levels: Mapping[str, Levels] = field(default_factory=lambda: MappingProxyType({}))
    means: int = 1

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """Where the numbers are among the inputs."""
        return tuple(position for position in range(len(self.schema.input_names)) if position not in self.categories)

    @cached_property
    def categories(self) -> dict[int, Levels]:
        """How each category is encoded, by its position among the inputs."""
        places = {name: position for position, name in enumerate(self.schema.input_names)}
        return {
            places[column.name]: self.levels.get(column.name) or Levels("one_hot", codes(column), codes(column))
            for column in self.schema.columns
            if column.type == "category"
        }

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The inputs in the order of their columns in the estimator's matrix."""
        found = []
        parts: tuple[Part, ...] = ("native", "numbers", "one_hot", "target")
        for part in parts:
            alike: dict[int | None, list[int]] = {}
            for position in self.numbers if part == "numbers" else self.categories:
                levels = self.categories.get(position)
                if levels is None or levels.encoding == part:
                    alike.setdefault(levels.kept if levels and levels.pooled else None, []).append(position)
            whole = alike.pop(None, None)
            found += [Block(part, tuple(whole))] if whole else []
            found += [Block(part, tuple(alike[kept]), kept) for kept in sorted(filter(None, alike))]
        return tuple(found)

    @property
    def native(self) -> tuple[int, ...]:
        """Which columns of the estimator's matrix are categories as they are."""
        found = self._positions("native")
        return tuple(sorted(found)) if self.is_plain else tuple(range(len(found)))

    @cached_property
    def is_plain(self) -> bool:
        """Whether the matrix of inputs is taken as it is."""
        return bool(self.categories) and all(
            levels.encoding == "native" and not levels.pooled for levels in self.categories.values()
        )

    @property
    def width(self) -> int:
        """How many columns the estimator is fitted on."""
        return sum(self._width(position) for position in range(len(self.schema.input_names)))

    @property
    def density(self) -> float:
        """The share of cells that may be other than 0."""
        expanded = self._positions("one_hot")
        return (self.width - sum(self._width(place) for place in expanded) + len(expanded)) / self.width

    @property
    def nullable(self) -> bool:
        """Whether a number may be null."""
        return any(column.nullable for column in self.schema.columns if column.type != "category")

    @cached_property
    def encoded(self) -> dict[str, tuple[int, ...]]:
        """Where each column is in the estimator's matrix, by its name; a date also by each of its parts."""
        return self._named(tuple(range(len(self.schema.input_names)))) if self.is_plain else self.grown

    @cached_property
    def grown(self) -> dict[str, tuple[int, ...]]:
        """Where each column is for the trees of HistGradientBoosting, which puts categories before numbers."""
        return self._named(tuple(position for block in self.blocks for position in block.positions))

    def is_category(self, name: str) -> bool:
        """Whether a column of the schema is a category."""
        return any(column.name == name and column.type == "category" for column in self.schema.columns)

    def _positions(self, part: Part) -> tuple[int, ...]:
        return tuple(position for block in self.blocks if block.part == part for position in block.positions)

    def _width(self, position: int) -> int:
        levels = self.categories.get(position)
        if levels is None or levels.encoding == "native":
            return 1
        return levels.kept if levels.encoding == "one_hot" else self.means

    def _named(self, order: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        starts: dict[int, tuple[int, ...]] = {}
        start = 0
        for position in order:
            width = self._width(position)
            starts[position] = tuple(range(start, start + width))
            start += width
        found: dict[str, tuple[int, ...]] = {}
        position = 0
        for column in self.schema.columns:
            parts = self.schema.parts(column.name) if column.type == "datetime" else ("",)
            own = [starts[position + offset] for offset in range(len(parts))]
            found[column.name] = tuple(place for places in own for place in places)
            found |= {f"{column.name}.{part}": places for part, places in zip(parts, own, strict=True) if part}
            position += len(parts)
        return found


def codes(column: Column) -> int:
    """How many codes a category has; null is one where the column is nullable, and unseen levels have none."""
    return len(column.categories) + column.nullable
