"""Fills an API's cache with versions that take memory: run in the API's own image, with its tests mounted.

    python large_versions.py CACHE MEGABYTES

Version 1 of `large` is small; version 2, which served last, holds so many megabytes, and twice as many while it is
loaded. `small` is another model.
"""

import sys
from importlib import import_module
from pathlib import Path

from mlyard_model_api.serving.cache import Cache, Pointer
from mlyard_model_api.serving.version import Reference

sys.path.insert(0, "/")
versions = import_module("api_tests.versions")
"""The module of the API's tests that writes versions."""


def main() -> None:
    """Write the versions and the pointers."""
    folder, megabytes = Path(sys.argv[1]), int(sys.argv[2])
    cache = Cache(folder)
    cache.prepare()

    def keep(name: str, number: int, digest: str, work: Path) -> Reference:
        reference = Reference(name=name, version=number, digest=digest)
        cache.keep(work, reference)
        return reference

    with cache.work_folder() as work:
        small = keep("small", 1, versions.write_regressor(work, 1.0, name="small"), work)
    with cache.work_folder() as work:
        before = keep("large", 1, versions.write_regressor(work, 1.0, name="large"), work)
    with cache.work_folder() as work:
        digest = versions.write_version(
            work, versions.heavy(megabytes * 1024**2), name="large", schema=versions.NUMBERS, classes=()
        )
        large = keep("large", 2, digest, work)
    cache.point(Pointer(current=small))
    cache.point(Pointer(current=large, previous=before))


main()
