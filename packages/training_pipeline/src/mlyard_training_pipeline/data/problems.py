"""What is wrong with a table: every problem with its ways out, which know of one another."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlyard_shared.columns import ColumnType
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data import advice
from mlyard_training_pipeline.data.columns import readings
from mlyard_training_pipeline.data.columns.readings import Pair

_USUAL: Pair = (".", None)
MOST = 20
"""At most this many problems are named."""


@dataclass(frozen=True)
class Problem:
    """Something wrong, and what would be right.

    `first` are ways out in words. `missing` are texts that may count as missing, `pairs` the ways to write numbers of
    which the spec should name one (the simplest, or `each` of them is likely), `units` the texts around them, `types`
    what the column may be called, and `leave_out` is the column where a model can do without it.
    """

    text: str
    first: Sequence[str] = ()
    missing: Sequence[str] = ()
    pairs: frozenset[Pair] = frozenset()
    each: bool = False
    units: Sequence[str] = ()
    types: Sequence[tuple[str, ColumnType, str]] = ()
    leave_out: str | None = None


@dataclass
class Problems:
    """The problems of one table with one spec.

    `number_columns` are the ways in which the other columns of numbers may be written: a key that reads one column must
    not spoil another.
    """

    spec: ModelSpec
    found: list[Problem] = field(default_factory=list)
    number_columns: list[frozenset[Pair]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.found)

    def add(self, text: str, **ways: object) -> None:
        """Note a problem."""
        self.found.append(Problem(text, **ways))  # type: ignore[arg-type]

    def sentences(self) -> tuple[str, ...]:
        """A sentence for each problem. A list in one of them serves for all, so that any of them may be pasted."""
        shown = [self._sentence(problem) for problem in self.found[:MOST]]
        more = len(self.found) - MOST
        return (*shown, f"and {more} more problem{'s' if more > 1 else ''}") if more > 0 else tuple(shown)

    def check(self) -> None:
        """Raise what was found.

        Raises:
            TableError: every problem.
        """
        if self.found:
            raise TableError("\n".join(self.sentences()))

    def _sentence(self, problem: Problem) -> str:
        ways = [*problem.first, *self._written(problem)]
        if problem.missing:
            every = [text for other in self.found for text in other.missing]
            ways.append(f"say {advice.missing(self.spec, every)} if it stands for a missing value")
        ways += [f"{advice.as_type(column, kind)} {when}".strip() for column, kind, when in problem.types]
        if problem.leave_out is not None:
            left = [other.leave_out for other in self.found if other.leave_out is not None]
            ways.append(f"leave the column out: {advice.leave_out(self.spec, left)}")
        return f"{problem.text}: {', or '.join(ways)}" if ways else problem.text

    def _written(self, problem: Problem) -> list[str]:
        """How the spec should say that numbers are written."""
        if not problem.pairs:
            return []
        if problem.each:
            return [f"say {' with '.join(self._lines(pair))}" for pair in sorted(problem.pairs, reverse=True)]
        suiting = self.suiting(problem.pairs)
        if not suiting:
            return ["write the numbers of all columns alike, since source.decimal and source.thousands are for all"]
        units = tuple(dict.fromkeys(unit for other in self.found for unit in other.units if other.pairs))
        added = [advice.line("source.units", dict.fromkeys([*self.spec.source.units, *units]))] if units else []
        ways = (
            [*(self._lines(pair) if pair != _USUAL or not units else []), *added] for pair in readings.fewest(suiting)
        )
        return ["say " + " with ".join([first, *([" and ".join(rest)] if rest else [])]) for first, *rest in ways]

    def suiting(self, pairs: frozenset[Pair]) -> frozenset[Pair]:
        """Those of the ways that suit every column, and keep the decimal character of the spec where any do."""
        suiting = pairs.intersection(*(other.pairs for other in self.found if other.pairs), *self.number_columns)
        return frozenset(pair for pair in suiting if pair[0] == self.spec.source.decimal) or suiting

    def _lines(self, pair: Pair) -> list[str]:
        """The lines that name a pair; thousands need no more than their own where the decimal character is said."""
        decimal, thousands = pair
        grouped = [] if thousands is None else [advice.line("source.thousands", thousands)]
        said = decimal == (self.spec.source.decimal or ".")
        return grouped if grouped and said else [advice.line("source.decimal", decimal), *grouped]
