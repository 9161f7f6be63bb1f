"""What is wrong with a table: every problem with its ways out, which know of one another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mlyard_shared.columns import ColumnType
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data import advice
from mlyard_training_pipeline.data.columns import readings
from mlyard_training_pipeline.data.columns.readings import Pair

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
        units = tuple(dict.fromkeys(unit for other in self.found for unit in other.units if other.pairs))
        added = [advice.line("source.units", dict.fromkeys([*self.spec.source.units, *units]))] if units else []
        chosen = sorted(problem.pairs, reverse=True) if problem.each else readings.fewest(self._suiting(problem.pairs))
        ways = ([*_lines(pair, always=not units), *added] for pair in chosen)
        return ["say " + " with ".join([first, *([" and ".join(rest)] if rest else [])]) for first, *rest in ways]

    def _suiting(self, pairs: frozenset[Pair]) -> Iterable[Pair]:
        """Those of the ways that suit every column, and keep the decimal character of the spec where any do."""
        everyone = [other.pairs for other in self.found if other.pairs] + self.number_columns
        suiting = pairs.intersection(*everyone)
        said = frozenset(pair for pair in pairs if pair[0] == self.spec.source.decimal)
        return suiting & said or suiting or said or pairs


def _lines(pair: Pair, *, always: bool) -> list[str]:
    """The lines that name a pair, those that are the default left out; `always` at least one."""
    decimal, thousands = pair
    lines = [advice.line("source.thousands", thousands)] if thousands is not None else []
    if decimal != "." or (always and not lines):
        lines.insert(0, advice.line("source.decimal", decimal))
    return lines
