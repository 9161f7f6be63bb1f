"""Who is held out, in which order the rows came, and which of them belong together."""

from typing import NamedTuple

import numpy as np
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import HoldoutRule

from mlyard_training_pipeline.data import holdout, holdout1
from mlyard_training_pipeline.data.columns import Array, canonical
from mlyard_training_pipeline.data.columns.cells import Mask, valid
from mlyard_training_pipeline.data.dataset import sides
from mlyard_training_pipeline.data.dataset.arrays import Place
from mlyard_training_pipeline.data.dataset.facts import is_null
from mlyard_training_pipeline.data.dataset.making import Making
from mlyard_training_pipeline.data.dataset.refusals import Refusals
from mlyard_training_pipeline.data.siphash import Hashes


class Selection(NamedTuple):
    """The rule, and where its rows, the order and the groups are."""

    rule: HoldoutRule
    held_out: Place
    order: Place | None
    groups: Place | None


def select(making: Making, strata: Array | None = None) -> Selection | None:
    """Find who is held out, and set the rows that are trained on; None where a problem was noted.

    Args:
        making: the Dataset under way.
        strata: the positions of the rows' classes, each of which the same share is held out of.
    """
    noted = len(making.problems.found)
    spec, table = making.spec, making.table
    if _tell_rows_apart(making):
        for name in spec.identifying_columns:
            making.refuse_nulls(name, _nulls(making, name), "which says which row it is")
    order = _order(making)
    if len(making.problems.found) > noted:
        return None
    times = None if order is None else making.arrays.read(order, slice(0, table.rows))
    rule = holdout.rule(spec, table.names, times, making.hash_name)
    groups: Hashes | None = None
    try:
        if spec.group:
            groups = holdout.hashes(table, (spec.group,), making.form)
            sides.check_groups(len(np.unique(groups)), spec, making.problems)
        if strata is not None:
            held_out, certain = holdout.stratified(_hashes(making, rule), strata, rule.fraction)
            rule = rule.model_copy(update={"fraction": certain})
        elif times is not None:
            held_out = holdout.members(table, rule, making.form)
        elif groups is not None and making.hash_name == "siphash24":
            held_out = holdout.below(groups, rule.fraction)
        else:
            holdout.check_columns(table, rule)
            held_out = holdout.below(_hashes(making, rule), rule.fraction)
    except TableError as error:
        making.problems.add(str(error))
        return None
    training = holdout.trained(held_out, times, spec.holdout.embargo_time)
    if len(making.problems.found) == noted:
        sides.check(held_out, training, spec, making.problems)
    making.split(held_out, training)
    return Selection(rule, _store(making, held_out), order, _store_groups(making, groups))


def _hashes(making: Making, rule: HoldoutRule) -> Hashes:
    if rule.hash_name == "sha256":
        return holdout1.hashes(making.table, rule.columns)
    return holdout.hashes(making.table, rule.columns, making.form)


def _tell_rows_apart(making: Making) -> bool:
    """Whether the columns of the key are of types that have a canonical text; those that are not are noted."""
    by_row, told = making.spec.holdout.by == "row", True
    for name in making.table.names if by_row else making.spec.identifying_columns:
        kind = making.table.column(name).kind
        if not canonical.is_spelled(kind):
            told = False
            way_out = "name a key in place of holdout.by" if by_row else "name another column, or make it a text"
            making.problems.add(f"column {name!r}, which says which row it is, holds {kind}", first=[way_out])
    return told


def _order(making: Making) -> Place | None:
    name = making.spec.event_time
    if name is None:
        return None
    found = making.read(name, "datetime", may_go=False)
    if found is None:
        return None
    refusals = Refusals(making.problems, making.form)
    refusals.faults(making.table.column(name), found, may_be_null=False, may_go=False)
    if not found.faults:
        making.refuse_nulls(name, found.null, "the event time")
    return found.place


def _nulls(making: Making, name: str) -> Mask:
    found = np.zeros(making.table.rows, dtype=bool)
    for cells in making.table.runs(name):
        null = ~valid(cells.values)
        if not cells.is_text and str(cells.values.type) in ("halffloat", "float", "double"):
            null |= is_null(cells.values.cast("float64").to_numpy(zero_copy_only=False))
        found[cells.start : cells.start + len(cells)] = cells.spread(null, True)
    return found


def _store(making: Making, held_out: Mask) -> Place:
    with making.arrays.column("bool") as writer:
        writer.append(held_out)
    return writer.place


def _store_groups(making: Making, hashes: Hashes | None) -> Place | None:
    if hashes is None:
        return None
    with making.arrays.column("int32") as writer:
        writer.append(np.unique(hashes, return_inverse=True)[1])
    return writer.place
