"""What a spec says of the estimators to try."""

from math import prod
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract
from mlyard_shared.spec.names import Parameter, Slug
from mlyard_shared.spec.search import Method, Range

HALVING = 3
"""A rung keeps one of so many settings, and gives each so many times the rows."""

ImportPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")]


class Candidate(Contract):
    """An estimator to try, with fixed parameters and a grid to search.

    What its path may name is decided where it would be imported. A regression may be fitted on a function of its target
    (`target_transform`); its answers are in the target's own units. Its settings are those of the grid, one by one, or
    `trials` that are drawn from the grid's lists and the ranges: `random`ly, with the best going on to more rows
    (`halving`), or near those that were good before (`optuna`). `precision` is what its inputs are rounded to, which
    follows from the estimator where it is not given.
    """

    name: Slug
    estimator: ImportPath
    target_transform: Literal["log", "log1p", "sqrt", "yeo_johnson", "box_cox"] | None = None
    precision: Literal["float32", "float64"] | None = None
    parameters: dict[str, Parameter] = {}
    grid: dict[str, Annotated[list[Parameter], Field(min_length=1)]] = {}
    ranges: dict[str, Range] = {}
    search: Method = "grid"
    trials: Annotated[int, Field(ge=1, le=10_000)] | None = None

    @model_validator(mode="after")
    def _can_be_searched(self) -> Self:
        if self.search == "grid" and (self.ranges or self.trials):
            key = "ranges" if self.ranges else "trials"
            raise ValueError(f'{key} goes with search = "random", "halving" or "optuna"; a grid tries every setting')
        if self.search != "grid" and not (self.grid or self.ranges):
            raise ValueError(f'search = "{self.search}" needs a grid or ranges to draw from')
        if self.search != "grid" and self.ranges and self.trials is None:
            raise ValueError(f'search = "{self.search}" needs trials: how many settings to draw from the ranges')
        if both := next((name for name in self.ranges if name in self.grid), None):
            raise ValueError(f"{both} is in grid and in ranges: keep one")
        return self

    @property
    def is_searched(self) -> bool:
        """Whether there is more than one setting to try."""
        return bool(self.ranges) or any(len(values) > 1 for values in self.grid.values())

    @property
    def rungs(self) -> int:
        """How many rungs its halving has: the last one tries one to three settings on all rows. 1 without halving."""
        every = prod(len(values) for values in self.grid.values())
        count = (self.trials or every) if self.ranges else min(self.trials or every, every)
        rungs = 1
        while self.search == "halving" and count >= HALVING**rungs:
            rungs += 1
        return rungs
