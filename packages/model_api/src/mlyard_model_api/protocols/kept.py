"""What is made of a version's manifest or schema once, since making it takes a while."""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Source = TypeVar("Source")
Made = TypeVar("Made")


def kept(make: Callable[[Source], Made]) -> Callable[[Source], Made]:
    """Return what `make` makes of a manifest or a schema, made once and kept as long as that is."""
    found: dict[int, tuple[weakref.ref[Source], Made]] = {}

    @wraps(make)
    def get(source: Source) -> Made:
        # By identity, since to compare thousands of columns takes longer than to read them.
        key = id(source)
        one = found.get(key)
        if one is None or one[0]() is not source:
            one = found[key] = (weakref.ref(source, lambda _: found.pop(key, None)), make(source))
        return one[1]

    return get
