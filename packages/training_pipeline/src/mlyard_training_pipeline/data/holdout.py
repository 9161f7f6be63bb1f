"""Who is held out: by a hash of the row's key, or by time, so that a row never changes sides between two trainings."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import HoldoutRule
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data import siphash
from mlyard_training_pipeline.data.columns import Array, Cells, canonical
from mlyard_training_pipeline.data.columns.cells import Mask
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.columns.values import Reader
from mlyard_training_pipeline.data.siphash import Hashes
from mlyard_training_pipeline.data.table import Table

SMALLEST_HOLDOUT = 10
"""With fewer rows a score on the holdout says nothing."""

HashName = Literal["siphash24", "sha256"]
HASHES: dict[int, HashName] = {1: "sha256", 2: "siphash24"}
"""What a rule of each contract of model versions hashes by."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rule(spec: ModelSpec, names: Sequence[str], order: Array | None, hash_name: HashName = "siphash24") -> HoldoutRule:
    """The rule of a spec: time where it has an event time, else the hash of the group, the key or every column.

    Args:
        spec: the model spec.
        names: the table's columns.
        order: the rows' times as int64 microseconds, where there is an event time.
        hash_name: what rows are hashed by.
    """
    fraction = spec.holdout.fraction
    if order is None:
        columns = (spec.group,) if spec.group else spec.key or tuple(sorted(names))
        return HoldoutRule(by="hash", columns=columns, fraction=fraction, hash_name=hash_name)
    boundary = _EPOCH + timedelta(microseconds=_boundary(order, fraction))
    columns = (str(spec.event_time),)
    return HoldoutRule(by="time", columns=columns, fraction=fraction, boundary=boundary, hash_name=hash_name)


def members(table: Table, rule: HoldoutRule, form: NumberForm) -> Mask:
    """Which rows a rule with the hash `siphash24`, or of time, holds out; shape [rows].

    Raises:
        TableError: a column of the rule is not in the table, or holds no times.
    """
    check_columns(table, rule)
    if rule.by == "time" and rule.boundary is not None:
        return _later(table, rule.columns[0], rule.boundary)
    return below(hashes(table, rule.columns, form), rule.fraction)


def check_columns(table: Table, rule: HoldoutRule) -> None:
    """Check that the table has the columns of a rule.

    Raises:
        TableError: the first that it lacks.
    """
    absent = [name for name in rule.columns if name not in table.names]
    if absent:
        raise TableError(f"the table has no column {absent[0]!r} any more, which says what was held out")


def below(hashes: Hashes, fraction: float) -> Mask:
    """Which hashes lie below a fraction of all that there can be."""
    found: Mask = hashes < np.uint64(int(fraction * 2**64))
    return found


def trained(held_out: Mask, order: Array | None, embargo: timedelta) -> Mask:
    """Which rows are trained on: those that are not held out, and lie at least the embargo before those that are."""
    if order is None or not embargo or not held_out.any():
        return ~held_out
    found: Mask = order <= int(order[held_out].min()) - embargo // timedelta(microseconds=1)
    return found


def stratified(hashes: Hashes, strata: Array, fraction: float) -> tuple[Mask, float]:
    """Who is held out where each stratum has a threshold of its own, by which its share is as asked for.

    The thresholds depend on the other rows, so that a row may change sides between two trainings. What never does are
    the rows below every threshold: whatever their class is, and whatever the table grows by, no model of this training
    has seen them. Their share is what a rule may promise to those who judge the model later. No threshold is under
    half the fraction, so that rare classes leave enough of them. Rows of one hash are on one side.

    Args:
        hashes: of the rows.
        strata: the position of each row's class, or zeros; shape [rows].
        fraction: the share that is asked for.

    Returns:
        Who is held out, and the share of all hashes that is held out for certain.
    """
    asked = int(fraction * 2**64)
    order = np.lexsort((hashes, strata))
    ends = np.cumsum(np.bincount(strata))
    limits = [
        max(asked // 2, _threshold(hashes[order[start:end]], asked, fraction))
        for start, end in zip([0, *ends[:-1]], ends, strict=True)
    ]
    held_out: Mask = hashes < np.array(limits, dtype=np.uint64)[strata]
    lowest, highest = min(limits), max(limits)
    between = (hashes >= np.uint64(lowest)) & (hashes < np.uint64(highest))
    doubtful = np.flatnonzero(between & held_out)
    held_out[doubtful[np.isin(hashes[doubtful], hashes[between & ~held_out])]] = False
    return held_out, float(np.nextafter(lowest / 2**64, 0))


def _threshold(sorted_hashes: Hashes, asked: int, fraction: float) -> int:
    """The threshold nearest to the one that was asked for, below which the right share of the hashes lies."""
    rows = len(sorted_hashes)
    count = round(fraction * rows)
    if 0 < count < rows and sorted_hashes[count - 1] == sorted_hashes[count]:
        ends = [int(np.searchsorted(sorted_hashes, sorted_hashes[count], side)) for side in ("left", "right")]
        count = min(ends, key=lambda end: abs(end - fraction * rows))
    low = int(sorted_hashes[count - 1]) + 1 if count else 0
    high = int(sorted_hashes[count]) if count < rows else 2**64 - 1
    return min(max(asked, low), high)


def hashes(table: Table, columns: Sequence[str], form: NumberForm) -> Hashes:
    """The SipHash-2-4 of each row's canonical key: of its only column, or of the hashes of several in this order."""
    result = np.empty(table.rows, dtype=np.uint64)
    for cells in zip(*(table.runs(name) for name in columns), strict=True):
        rows = slice(cells[0].start, cells[0].start + len(cells[0]))
        result[rows] = siphash.hash_rows([_hashes(column, form) for column in cells])
    return result


def _boundary(order: Array, fraction: float) -> int:
    """The time from which on rows are held out. Rows of one time are on one side, so that the share is only near."""
    rank = min(len(order) - 1, int(np.floor(len(order) * (1 - fraction))))
    at = int(np.partition(order, rank)[rank])
    before, here = int((order < at).sum()), int((order == at).sum())
    after = len(order) - before - here
    # The rows of that time go to the side where the share comes nearer to what was asked for, unless it empties one.
    if after and (before == 0 or abs(after - fraction * len(order)) < abs(after + here - fraction * len(order))):
        return int(order[order > at].min())
    return at


def _later(table: Table, column: str, boundary: datetime) -> Mask:
    result = np.zeros(table.rows, dtype=bool)
    since = (boundary - _EPOCH) // timedelta(microseconds=1)
    reader = Reader("datetime", NumberForm())
    for cells in table.runs(column):
        result[cells.start : cells.start + len(cells)] = reader.read(cells) >= since
    if reader.faults:
        fault = next(iter(reader.faults.values()))
        raise TableError(f"column {column!r}, row {fault.row}: {fault.shown} is not a date, which says who is held out")
    return result


def _hashes(cells: Cells, form: NumberForm) -> Hashes:
    found = siphash.hash_texts(canonical.key_texts(cells.values, form))
    return cells.spread(found, siphash.HASH_OF_NULL)
