"""The rows that predictions are judged on."""

from typing import NamedTuple

import numpy as np
from mlyard_shared.features import Array


class Judged(NamedTuple):
    """Rows and what is true of them, each array of shape [rows].

    `truth` are indices below `classes`, or numbers. `weights` say how much each row counts, and `groups` which rows
    belong together, as whole numbers: such rows are resampled together. `times` are those of the rows' events,
    as numbers that rise with them.
    """

    truth: Array
    classes: int = 0
    weights: Array | None = None
    groups: Array | None = None
    times: Array | None = None

    @property
    def weight(self) -> Array:
        """How much each row counts."""
        return np.ones(len(self.truth)) if self.weights is None else self.weights

    def of(self, rows: Array) -> "Judged":
        """Some of the rows, by their positions or a boolean array."""
        weights, groups, times = (None if one is None else one[rows] for one in (self.weights, self.groups, self.times))
        return Judged(self.truth[rows], self.classes, weights, groups, times)
