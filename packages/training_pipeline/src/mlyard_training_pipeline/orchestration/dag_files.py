"""How the DAG file of a spec is called, for those who write it and for those who ask Airflow about it."""

import hashlib
from pathlib import Path

LONGEST_NAME = 240
"""Bytes of a file's name; file systems take 255."""


def dag_file(spec: Path, *, models: Path) -> Path:
    """The DAG file of a spec, or of a folder of specs that cannot be read, relative to its bundle."""
    place = spec.relative_to(models)
    name = place.name
    if len(name.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
        name = f"{name[:40]}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
    return place.with_name(f"{name}.py")
