"""How many threads and processes an estimator may run, and those that it fits at once."""

import os
from collections.abc import Mapping
from math import prod
from typing import Any

from mlyard_training_pipeline.candidates import estimators, origins

_JOBS = ("n_jobs", "num_threads", "num_thread", "nthread", "nthreads")
"""joblib's, which scikit-learn and the boosters have taken over, and LightGBM's other names of it."""

_FOLDS = 5
"""Those of scikit-learn where an estimator does not say how many."""


def is_named_so(parameter: str) -> bool:
    """Whether a parameter says how many threads or processes there are, also of an estimator within another."""
    return parameter.rpartition("__")[2] in _JOBS


def take_threads(made: Any, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Let an estimator, and those within it, run as many threads and processes as libraries are told, and no more.

    Those within one that fits several at once share them. Boosters look for processors and not for what OpenMP is
    told, so that they are always told.

    Returns:
        The parameters that asked for more, each with what it gets.
    """
    threads = environment.get("OMP_NUM_THREADS", "")
    if not threads.isdigit() or int(threads) < 1:
        return []
    given: dict[str, int] = {}
    at_once: dict[str, int] = {}
    lowered = []
    known = made.get_params()
    for name in sorted(known, key=lambda name: name.count("__")):
        place = name.rpartition("__")[0]
        owner, asked = known.get(place, made), known[name]
        if not is_named_so(name) or (asked is None and not _is_always_told(owner)):
            continue
        around = [fits for outer, fits in at_once.items() if place != outer and f"{place}__".startswith(_within(outer))]
        share = max(1, int(threads) // prod(around))
        given[name] = share if asked is None else _at_most(share, asked)
        while given[name] > 1 and fits_at_once(owner, given[name]) > share:
            given[name] -= 1
        at_once[place] = fits_at_once(owner, given[name])
        if asked is not None and asked > given[name]:
            lowered.append(f"{name} = {asked} is lowered to {given[name]}")
    made.set_params(**given)
    return lowered


def _within(place: str) -> str:
    """What the names of parameters begin with within a place, that of the whole being empty."""
    return f"{place}__" if place else ""


def fits_at_once(made: Any, jobs: int) -> int:
    """How many fits run at a time where an estimator is given so many jobs.

    Stacking gives them to its members, and each of these gives as many to its folds.
    """
    if not type(made).__name__.startswith("Stacking"):
        return jobs
    folds = made.cv if isinstance(made.cv, int) else _FOLDS
    return min(jobs, len(made.estimators)) * min(jobs, folds)


def processes(made: Any) -> int:
    """How many fits of others an estimator and those within it begin at a time, in processes of their own."""
    inner = estimators.within(made)
    jobs = fits_at_once(made, getattr(made, "n_jobs", None) or 1) if inner else 1
    return jobs * max((processes(one) for one in inner), default=1)


def _is_always_told(made: Any) -> bool:
    others = (value for name, value in made.get_params(deep=False).items() if name in _JOBS)
    return origins.package_of(made) in origins.BOOSTERS and all(value is None for value in others)


def _at_most(share: int, asked: int) -> int:
    """As many as were asked for; a number below 0 counts from the share down, as joblib counts from the processors."""
    return min(share, asked if asked > 0 else max(1, share + 1 + asked))
