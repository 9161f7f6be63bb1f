"""Cross-validation over the training rows: how they are split so that each fold can be scored."""

import warnings
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import estimators, scoring
from mlyard_training_pipeline.data.dataset import Dataset

Split = tuple[Array, Array]
_TRIES = 10
"""How many ways of dealing groups to folds are tried until every fold has every class."""


def splits(spec: ModelSpec, dataset: Dataset, folds: int | None = None) -> list[Split]:
    """Pairs of training and test positions among the training rows.

    With an event time the test rows are always later than the training rows; with a group no group is on both sides;
    else rows are drawn at random. Classes are spread over the folds as evenly as that allows.

    Raises:
        ValueError: there are fewer moments or groups than that takes.
    """
    folds = folds or spec.folds
    training = dataset.training
    target = dataset.target[training]
    if dataset.order is not None:
        return _by_time(dataset.order[training], folds, spec.holdout.embargo_time)
    if dataset.groups is not None:
        return _by_group(dataset.groups[training], target, folds, classes=len(dataset.classes))
    from sklearn.model_selection import KFold, StratifiedKFold

    splitter = StratifiedKFold if spec.task == "classification" else KFold
    shuffled = splitter(folds, shuffle=True, random_state=estimators.SEED)
    return list(shuffled.split(np.zeros(len(target)), target))


def problems(spec: ModelSpec, dataset: Dataset) -> list[str]:
    """Why the training rows cannot be split as the spec says, in at most one sentence."""
    problem = _problem(spec, dataset, spec.folds)
    if problem is None:
        return []
    fewer = next((n for n in range(spec.folds - 1, 1, -1) if _problem(spec, dataset, n) is None), None)
    if fewer is not None:
        return [f"folds: {problem.what}: say folds = {fewer}, or bring more rows"]
    return [f"folds: {problem.what}, and fewer folds do not help: {problem.way_out}"]


class _Problem(NamedTuple):
    what: str
    way_out: str = "bring more rows"


def _problem(spec: ModelSpec, dataset: Dataset, folds: int) -> _Problem | None:
    try:
        made = splits(spec, dataset, folds)
    except ValueError as error:
        return _Problem(str(error))
    target = dataset.target[dataset.training]
    smallest = 2 if spec.metric == "r2" else 1
    for number, (fit, test) in enumerate(made, start=1):
        fold = f"fold {number} of {folds}"
        if (absent := _absent(target[fit], len(dataset.classes))) is not None:
            what = f"{fold} has no row of class {dataset.classes[absent]!r} to train on{_why(spec)}"
            return _Problem(what, _more_of_a_class(spec, dataset))
        if len(test) < smallest:
            return _Problem(f"{fold} has {len(test)} rows to judge on, and {spec.metric} needs {smallest}{_why(spec)}")
        absent = _absent(target[test], len(dataset.classes))
        if absent is not None and spec.metric in scoring.NEED_EVERY_CLASS:
            what = f"{fold} has no row of class {dataset.classes[absent]!r} to judge on, which {spec.metric} needs"
            return _Problem(what + _why(spec), 'say metric = "accuracy" or "f1_macro", or bring more rows of the class')
    return None


def _more_of_a_class(spec: ModelSpec, dataset: Dataset) -> str:
    more = "bring more rows of the class"
    if spec.event_time:
        return f"{more}, or leave out rows from long before its first one"
    return f"{more}, or take its rows out" if len(dataset.classes) > 2 else more


def _why(spec: ModelSpec) -> str:
    if spec.event_time:
        return f" (folds follow one another by {spec.event_time!r})"
    return f" (all rows of one {spec.group!r} are in one fold)" if spec.group else ""


def _absent(target: Array, classes: int) -> int | None:
    if not classes:
        return None
    missing = np.flatnonzero(np.bincount(target, minlength=classes) == 0)
    return int(missing[0]) if len(missing) else None


def _by_time(times: Array, folds: int, embargo: timedelta) -> list[Split]:
    """Each fold tests on the rows that follow those it trains on; rows of one moment stay on one side.

    What lies within the embargo before its first test row no fold trains on.
    """
    order = np.argsort(times, kind="stable")
    starts = np.flatnonzero(np.diff(times[order])) + 1  # where a later moment begins
    if len(starts) < folds:
        raise ValueError(f"the training rows are of {len(starts) + 1} moments, and {folds} folds need {folds + 1}")
    cuts = [*_nearest(starts, [len(times) * number // (folds + 1) for number in range(1, folds + 1)]), len(times)]
    gap = embargo // timedelta(microseconds=1)
    in_order = times[order]
    fits = [int(np.searchsorted(in_order, in_order[cut] - gap, side="right")) if gap else cut for cut in cuts[:-1]]
    if 0 in fits:
        raise ValueError(f"holdout.embargo leaves fold {fits.index(0) + 1} of {folds} no row to train on")
    return [(order[:fit], order[cut:end]) for fit, (cut, end) in zip(fits, pairwise(cuts), strict=True)]


def _nearest(starts: Array, wanted: list[int]) -> Iterator[int]:
    """For each wanted cut the nearest possible one, each later than the one before."""
    first = 0
    for number, cut in enumerate(wanted):
        last = len(starts) - (len(wanted) - number) + 1
        choice = first + int(np.argmin(np.abs(starts[first:last] - cut)))
        yield int(starts[choice])
        first = choice + 1


def _by_group(groups: Array, target: Array, folds: int, *, classes: int) -> list[Split]:
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    rows = np.zeros(len(target))
    found = len(np.unique(groups))
    if found < folds:
        raise ValueError(f"the training rows are of {found} groups, and {folds} folds need {folds}")
    if not classes:
        shuffled = GroupKFold(folds, shuffle=True, random_state=estimators.SEED)
        return list(shuffled.split(rows, groups=groups))
    for tried in range(_TRIES):
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=estimators.SEED + tried)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes with few rows, which are looked at here
            made = list(splitter.split(rows, target, groups))
        sides = (side for split in made for side in split)
        if all(_absent(target[side], classes) is None for side in sides):
            break
    return made
