"""Estimators within an estimator's parameters: `{ estimator = "PATH", parameters = { ... } }`, and named ones.

`final_estimator = { estimator = "sklearn.linear_model.Ridge" }` is one, and
`estimators.trees = { estimator = "sklearn.ensemble.RandomForestRegressor" }` is the one called `trees`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_KEYS = {"estimator", "parameters"}
_NAMED = "estimators"


class Nested(NamedTuple):
    """An estimator within another."""

    estimator: str
    parameters: dict[str, Any]


def is_nested(value: Any) -> bool:
    """Whether a parameter's value is an estimator."""
    return isinstance(value, dict) and isinstance(value.get("estimator"), str)


def is_named(name: str, value: Any) -> bool:
    """Whether a parameter's value is estimators by their names."""
    last = name.rpartition("__")[2]
    return last == _NAMED and isinstance(value, dict) and any(is_nested(inner) for inner in value.values())


def read(name: str, value: Mapping[str, Any]) -> Nested:
    """The estimator that a parameter's value is.

    Raises:
        ValueError: it has other keys, or parameters that are not a table.
    """
    if unknown := sorted(set(value) - _KEYS):
        raise ValueError(f"{name}.{unknown[0]}: unknown key; an estimator has estimator and parameters")
    given = value.get("parameters", {})
    if not isinstance(given, dict):
        raise ValueError(f"{name}.parameters: give a table")  # noqa: TRY004 - a ValueError is what callers show
    return Nested(value["estimator"], given)


def paths(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Nested]]:
    """Every estimator within parameters, however deep, with the key that it stands under."""
    for name, value in parameters.items():
        if is_nested(value):
            nested = read(name, value)
            yield name, nested
            yield from ((f"{name}.parameters.{inner}", found) for inner, found in paths(nested.parameters))
        elif is_named(name, value):
            yield from ((f"{name}.{inner}", found) for inner, found in paths(value))
