"""Everything of a Dataset that a person should know before a model is made of it."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data import advice
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.screening.giveaways import giveaways, twins
from mlyard_training_pipeline.screening.identifiers import identifiers, repeated

FEW = 20
"""With fewer rows of a class than this, what is measured of it is chance."""

Kind = Literal["copy", "giveaway", "id", "twin", "key", "class"]


class Finding(NamedTuple):
    """Something about a table: a sentence that names the column, and the column where a model can do without it."""

    kind: Kind
    text: str
    leave_out: str | None = None


def screen(dataset: Dataset, spec: ModelSpec) -> tuple[Finding, ...]:
    """Every finding, in the order of how much it matters; its cost hardly grows with the rows."""
    found = [*_of_target(dataset, spec), *_of_columns(dataset, spec), *_of_rows(dataset, spec), *_of_classes(dataset)]
    return tuple(found)


def told(findings: tuple[Finding, ...], spec: ModelSpec) -> Iterator[str]:
    """A line for each, and at the end the line of the spec that leaves all such columns out."""
    for finding in findings:
        yield f"warning: {finding.text}"
    if columns := [finding.leave_out for finding in findings if finding.leave_out is not None]:
        yield f"to leave {'it' if len(columns) == 1 else 'them'} out, say {advice.leave_out(spec, columns)}"


def _of_target(dataset: Dataset, spec: ModelSpec) -> Iterator[Finding]:
    measure = "of the rows, by class," if dataset.classes else "of the variance"
    for found in giveaways(dataset):
        if found.kind == "copy":
            text = f"column {found.column!r} is a copy of the target {spec.target!r}: it is the answer, not a feature"
        else:
            text = (
                f"column {found.column!r} alone tells {found.score:.1%} {measure} of the target {spec.target!r}: leave "
                "it out unless it is known when a prediction is asked for"
            )
        yield Finding(found.kind, text, found.column)


def _of_columns(dataset: Dataset, spec: ModelSpec) -> Iterator[Finding]:
    seen = [column.name for column in dataset.schema.columns]
    for name, part in identifiers(dataset.table, seen, NumberForm.of(spec.source)).items():
        what = "is called an id" if part == "repeated" else "tells rows apart and says nothing of new ones"
        yield Finding("id", f"column {name!r} {what}: a model learns it by heart", name)
    for name, other in twins(dataset):
        yield Finding("twin", f"column {name!r} has the values of {other!r} in every row", name)


def _of_rows(dataset: Dataset, spec: ModelSpec) -> Iterator[Finding]:
    if not spec.key:
        return
    count = repeated(dataset.table, spec.key, NumberForm.of(spec.source))
    if count:
        names = " and ".join(map(repr, spec.key))
        aside = (
            "they may lie on both sides of the holdout" if spec.event_time else "they are on one side of the holdout"
        )
        yield Finding("key", f"{count} rows repeat the key {names} of an earlier row, so {aside}")


def _of_classes(dataset: Dataset) -> Iterator[Finding]:
    if not dataset.classes:
        return
    counts = np.bincount(np.asarray(dataset.target), minlength=len(dataset.classes))
    rare = [f"{dataset.classes[at]} ({counts[at]})" for at in np.flatnonzero(counts < FEW)]
    if rare:
        more = f" and {len(rare) - FEW} more" if len(rare) > FEW else ""
        yield Finding(
            "class",
            f"few rows of class{'es' if len(rare) > 1 else ''} {', '.join(rare[:FEW])}{more}: scores of "
            f"{'them' if len(rare) > 1 else 'it'} are mostly chance; bring more rows, or join rare classes",
        )
