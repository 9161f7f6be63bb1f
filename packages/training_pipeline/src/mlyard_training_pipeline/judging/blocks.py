"""What is drawn together when rows are resampled: rows of a group, or of a stretch of time where rows are alike in it.

Rows that follow one another in time often err alike, and then many of them say less than as many rows drawn by chance:
resampled one by one, they make an interval too short. So stretches of rows are drawn, around the end to the beginning
(Politis and Romano, A Circular Block-Resampling Procedure for Stationary Data, 1992). How long they are follows from
the autocorrelations (Politis and White, Automatic Block-Length Selection for the Dependent Bootstrap, 2004, with the
correction by Patton, Politis and White, 2009); where these are no larger than chance allows, a stretch is one row.
"""

from typing import NamedTuple

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.judging.rows import Judged


class Units(NamedTuple):
    """What is drawn: `of_rows` is each row's unit, whole numbers below `total`, None where each row is its own.

    A draw takes `block` units that follow one another.
    """

    total: int
    of_rows: Array | None = None
    block: int = 1

    @property
    def places(self) -> Array:
        """Each row's unit."""
        return np.arange(self.total) if self.of_rows is None else self.of_rows

    def pooled(self, most: int) -> "Units":
        """At most so many units of several each: neighbours in time, others at random."""
        if self.total <= most:
            return self
        parts = np.arange(self.total) * most // self.total
        if self.block == 1:
            np.random.default_rng(_SEED).shuffle(parts)
        return Units(most, parts[self.places], -(-self.block * most // self.total))

    def counts(self, draw: np.random.Generator, resamples: int) -> Array:
        """How often each unit is drawn, shape [resamples, total]."""
        count, starts = self.total, -(-self.total // self.block)
        chosen = draw.integers(0, count, (resamples, starts), dtype=np.int64)
        first = _numbers(chosen, count)
        if self.block == 1:
            return first
        lengths = np.full(starts, self.block)
        lengths[-1] = count - self.block * (starts - 1)  # so that each resample has as many units as there are
        # A stretch begins at its first unit and ends before another, which may lie beyond the end.
        end = _numbers(chosen + lengths, 2 * count)
        drawn = np.cumsum(np.hstack([first, np.zeros_like(first)]) - end, axis=1)
        found: Array = drawn[:, :count] + drawn[:, count:]
        return found


def _numbers(chosen: Array, count: int) -> Array:
    """How often each number below `count` is in each line."""
    lines = len(chosen)
    flat = chosen + np.arange(lines)[:, None] * count
    return np.bincount(flat.ravel(), minlength=lines * count).reshape(lines, count).astype(np.float64)


_SEED = 20_260_103


def units(judged: Judged, influence: Array) -> Units:
    """What is drawn together, by how much each row speaks for what is measured."""
    rows = len(influence)
    if judged.groups is not None:
        places = np.unique(judged.groups, return_inverse=True)[1]
        return Units(int(places.max()) + 1, places)
    if judged.times is None:
        return Units(rows)
    centred = influence - influence.mean()
    found = _of_times(judged.times, centred)
    series = np.bincount(found.places, weights=centred)
    length = block_length(series)
    return found._replace(block=length) if length > 1 or found.total < rows else Units(rows)


def told(drawn: Units, judged: Judged) -> str | None:
    """What was drawn together, in a sentence; None where nothing but the rows themselves could be."""
    if judged.groups is not None:
        return f"the interval of the gain draws whole groups, {drawn.total} of them"
    if judged.times is None:
        return None
    if drawn.block == 1 and drawn.of_rows is None:
        return (
            "the interval of the gain draws rows one by one: those that follow one another in time err no more alike "
            "than chance allows"
        )
    moments = len(np.unique(judged.times))
    what = "rows" if drawn.total != moments or moments == len(judged.times) else "moments with all their rows"
    if drawn.block == 1:
        return "the interval of the gain draws all rows of one moment together: they err alike"
    return (
        f"the interval of the gain draws stretches of {drawn.block} {what} that follow one another in time, "
        f"{_span(judged.times, drawn)} or so: they err alike"
    )


def _span(times: Array, drawn: Units) -> str:
    """How long a stretch usually is, of times in microseconds."""
    of_units = np.zeros(drawn.total, dtype=np.int64)
    of_units[drawn.places] = times
    long = float(np.median(of_units[drawn.block :] - of_units[: -drawn.block])) / 1e6
    name, seconds = next(((name, size) for name, size in _LENGTHS if long >= size), _LENGTHS[-1])
    count = f"{long / seconds:.3g}"
    return f"{count} {name}" + ("" if count == "1" else "s")


_LENGTHS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def _of_times(times: Array, centred: Array) -> Units:
    """Rows in the order of time; those of the same time are one unit where they are alike."""
    places = np.unique(times, return_inverse=True)[1]
    count = int(places.max()) + 1
    if count < len(times) and count > 1:
        # Of rows that have nothing to do with one another, the square of a sum is the sum of squares, up to chance.
        alike = (np.bincount(places, weights=centred) ** 2).sum() / max((centred**2).sum(), np.finfo(np.float64).tiny)
        if alike > 1 + 2 * np.sqrt(2 / count):
            return Units(count, places)
    order = np.empty(len(times), dtype=np.int64)
    order[np.argsort(times, kind="stable")] = np.arange(len(times))
    return Units(len(times), order)


def block_length(series: Array) -> int:
    """How many numbers of a series that follow one another are to be drawn at once; 1 where they have no likeness."""
    count = len(series)
    beyond = max(5, int(np.log10(count)))
    furthest = min(int(np.ceil(np.sqrt(count))) + beyond, count - 1)
    covariances = _covariances(series, furthest)
    if count < 2 * beyond or covariances[0] <= 0:
        return 1
    noise = 2 * np.sqrt(np.log10(count) / count)
    is_noise = np.abs(covariances[1:] / covariances[0]) < noise
    quiet = (lag for lag in range(furthest - beyond + 1) if is_noise[lag : lag + beyond].all())
    last = next(quiet, furthest)  # from the lag behind this one on, nothing is left
    if last == 0:
        return 1
    lags = np.arange(1, min(2 * last, furthest) + 1)
    window = np.minimum(1, 2 * (1 - lags / lags[-1]))
    slope = 2 * (window * lags * covariances[lags]).sum()
    spectrum = covariances[0] + 2 * (window * covariances[lags]).sum()
    longest = int(np.ceil(min(3 * np.sqrt(count), count / 3)))
    if spectrum <= 0:
        return 1
    wanted = (2 * slope**2 / (4 / 3 * spectrum**2)) ** (1 / 3) * count ** (1 / 3)
    return int(np.clip(np.ceil(wanted), 1, longest))


def _covariances(series: Array, furthest: int) -> Array:
    """The autocovariances up to a lag, by way of the spectrum."""
    count = len(series)
    size = 1 << (2 * count - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(series - series.mean(), size)) ** 2
    found: Array = np.fft.irfft(spectrum, size)[: furthest + 1] / count
    return found
