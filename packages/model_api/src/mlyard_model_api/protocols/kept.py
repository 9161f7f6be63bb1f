"""What is made of a version's manifest once, since making it takes a while."""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from mlyard_shared.manifest import Manifest

Made = TypeVar("Made")


def kept(make: Callable[[Manifest], Made]) -> Callable[[Manifest], Made]:
    """Return what `make` makes of a manifest, made once and kept as long as the manifest is."""
    found: dict[int, tuple[weakref.ref[Manifest], Made]] = {}

    @wraps(make)
    def get(manifest: Manifest) -> Made:
        # By identity, since to compare thousands of columns takes longer than to read them.
        key = id(manifest)
        one = found.get(key)
        if one is None or one[0]() is not manifest:
            one = found[key] = (weakref.ref(manifest, lambda _: found.pop(key, None)), make(manifest))
        return one[1]

    return get
