"""How a spec and its table are understood, for people: columns, types, sides and candidates."""

from collections.abc import Iterator
from math import prod
from pathlib import Path

from mlyard_shared.schema import Column, Schema
from mlyard_shared.spec import read_spec

from mlyard_training_pipeline.candidates import estimators
from mlyard_training_pipeline.data import dataset as table
from mlyard_training_pipeline.data import sources
from mlyard_training_pipeline.data.dataset import Table
from mlyard_training_pipeline.settings import Settings


def describe(spec_file: Path, settings: Settings) -> Iterator[str]:
    """Check a spec and its table without the registry, and describe them line by line.

    Raises:
        SpecError: the spec, an estimator or a parameter is wrong.
        TableError: the table does not fit the spec.
    """
    spec = read_spec(spec_file)
    estimators.check_candidates(spec, str(spec_file))
    arrow = sources.read_table(spec, spec_file.parent, settings.connections)
    read = table.read(arrow, spec)
    yield f"{spec.name}: {spec.task} of {spec.target}{_classes(read)}, judged by {spec.metric}"
    held_out = int(read.held_out.sum())
    by = "time" if read.rule.by == "time" else f"a hash of {', '.join(read.rule.columns)}"
    yield f"{arrow.num_rows} rows: {arrow.num_rows - held_out} to train on, {held_out} held out by {by}"
    for column in read.schema.columns:
        nullable = "nullable" if column.nullable else ""
        yield f"  {column.name:<24} {column.type:<8} {nullable:<8} {_detail(column, read.schema)}".rstrip()
    left_out = [name for name in arrow.column_names if name not in read.columns and name != spec.target]
    if left_out:
        yield f"  not seen by the model: {', '.join(left_out)}"
    for candidate in spec.candidates:
        tried = prod(len(values) for values in candidate.grid.values())
        choices = f"{tried} setting{'s' if tried > 1 else ''}"
        yield f"candidate {candidate.name}: {candidate.estimator}, {choices}, {spec.folds} folds"


def _classes(read: Table) -> str:
    return f" ({', '.join(str(label) for label in read.classes)})" if read.classes else ""


def _detail(column: Column, schema: Schema) -> str:
    if column.type == "datetime":
        return f"becomes {', '.join(schema.parts(column.name))}"
    if column.type != "category":
        return ""
    shown = ", ".join(column.categories[:6])
    more = f" and {len(column.categories) - 6} more" if len(column.categories) > 6 else ""
    return f"{shown}{more}; {column.unseen}s others"
