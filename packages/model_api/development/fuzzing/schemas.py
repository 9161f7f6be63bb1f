"""The models that fuzzed bodies are for: every type, nulls, names of every kind, both grammars."""

from dataclasses import dataclass
from typing import Any

from mlyard_shared.schema import Column, DateExpansion, Schema


@dataclass(frozen=True)
class Form:
    """As much of a manifest as readers of bodies look at."""

    input_schema: Schema
    grammar: int
    model: str = "fuzzed"
    classes: tuple[str, ...] = ()
    decision: None = None
    conformal: None = None


MIXED = (
    Column(name="size", type="number", nullable=True, example=1.5),
    Column(name="count", type="integer", nullable=False, example=3),
    Column(name="new", type="boolean", nullable=True, example=True),
    Column(name="colour", type="category", nullable=True, categories=("red", "grün"), unseen="accept", example="red"),
    Column(name="kind", type="category", nullable=False, categories=("a", "b", ""), example="a"),
    Column(name="seen", type="datetime", nullable=True, example="2026-01-01"),
)
NAMED = (
    Column(name="Größe", type="number", nullable=False, example=1.0),
    Column(name="a\tb", type="integer", nullable=True, example=1),
    Column(name="rows", type="number", nullable=True, example=1.0),
    Column(name="", type="boolean", nullable=False, example=True),
)


def manifest(columns: tuple[Column, ...], *, grammar: int = 2) -> Any:
    """A manifest of these columns."""
    dates = tuple(DateExpansion(column=c.name, parts=("year",)) for c in columns if c.type == "datetime")
    return Form(Schema(columns=columns, dates=dates), grammar)


def numbers(count: int, *, nullable: bool) -> tuple[Column, ...]:
    """Columns of numbers alone."""
    return tuple(Column(name=f"x{i}", type="number", nullable=nullable, example=1.0) for i in range(count))


MANIFESTS = (
    manifest(numbers(3, nullable=False)),
    manifest(numbers(2, nullable=True)),
    manifest((*numbers(1, nullable=False), Column(name="n", type="integer", nullable=False, example=1))),
    manifest(MIXED),
    manifest(MIXED, grammar=1),
    manifest(NAMED),
)
