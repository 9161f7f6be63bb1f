"""The spec of a training that takes its model from elsewhere: another's, with that model as its only candidate."""

import json
from pathlib import Path
from typing import Any

from mlyard_shared.spec import Candidate, ModelSpec

CANDIDATE = "imported"


def of_import(spec: ModelSpec, table: Path, estimator: str) -> ModelSpec:
    """The spec with another table, and the estimator as its only candidate, which gets every digit as before."""
    source = spec.source.model_copy(update={"path": str(table.resolve()), "connection": None, "query": None})
    candidate = Candidate(name=CANDIDATE, estimator=estimator, precision="float64")
    return spec.model_copy(update={"source": source, "candidates": (candidate,), "search": type(spec.search)()})


def write(spec: ModelSpec, file: Path) -> None:
    """Write a spec as a TOML file."""
    values = spec.model_dump(mode="json", exclude_defaults=True) | {"version": spec.version}
    file.write_text("".join(f"{name} = {_value(value)}\n" for name, value in values.items()), encoding="utf-8")


def _value(value: Any) -> str:
    """A value as TOML writes it, whose texts, numbers and booleans are JSON's."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(name)} = {_value(inner)}" for name, inner in value.items() if inner is not None)
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)
