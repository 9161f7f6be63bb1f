"""Which settings of a candidate are tried, in which order: the same in every process."""

import math
from itertools import product
from typing import Any

import numpy as np
from mlyard_shared.spec import Candidate
from mlyard_shared.spec.candidates import HALVING
from mlyard_shared.spec.search import Range

from mlyard_training_pipeline.candidates.estimators import SEED

Setting = dict[str, Any]
"""Values of parameters as the spec spells them."""


def settings_of(candidate: Candidate) -> list[Setting]:
    """Every setting that is known before a fit: all but Optuna's."""
    if candidate.search == "grid" or not candidate.ranges:
        names = list(candidate.grid)
        every = [dict(zip(names, values, strict=True)) for values in product(*candidate.grid.values())]
        if candidate.search == "grid" or candidate.trials is None or candidate.trials >= len(every):
            return every
        chosen = np.random.default_rng(SEED).choice(len(every), candidate.trials, replace=False)
        return [every[position] for position in chosen.tolist()]
    draw = np.random.default_rng(SEED)
    return [_drawn(candidate, draw) for _ in range(candidate.trials or 1)]


def share(rung: int, rungs: int) -> float:
    """The share of the rows that a rung is fitted on: all of them in the last one."""
    return float(HALVING ** -(rungs - 1 - rung))


def kept(rung: int, count: int) -> int:
    """How many of so many settings are tried in a rung."""
    return max(1, math.ceil(count / float(HALVING) ** rung))


def _drawn(candidate: Candidate, draw: np.random.Generator) -> Setting:
    listed = {name: values[int(draw.integers(len(values)))] for name, values in candidate.grid.items()}
    return listed | {name: _number(limits, draw) for name, limits in candidate.ranges.items()}


def _number(limits: Range, draw: np.random.Generator) -> int | float:
    low, high = limits.low, limits.high
    if isinstance(low, int) and isinstance(high, int):
        if not limits.log:
            return int(draw.integers(low, high + 1))
        # Each whole number has the share of the logarithms that are rounded to it.
        return min(max(round(math.exp(draw.uniform(math.log(low - 0.5), math.log(high + 0.5)))), low), high)
    return math.exp(draw.uniform(math.log(low), math.log(high))) if limits.log else float(draw.uniform(low, high))
