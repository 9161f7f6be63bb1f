"""The parts of a table's columns, as far as they can be told: key, event time, and what a model does not see."""

import re
from pathlib import Path

import numpy as np

from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.data.table import Table
from mlyard_training_pipeline.screening.identifiers import identifiers, is_named
from mlyard_training_pipeline.starter.draft import Draft

_BIRTH = re.compile("birth|born|dob|geburt|naissance|nacimiento|expir|until|valid", re.IGNORECASE)
"""Dates that lie in no order of the rows."""

_EVENT = re.compile(
    r"(?:^|[\W_])(?:time|date|timestamp|datetime|created|event|ordered|booked|at|on|day|datum|zeit|fecha)(?:$|[\W_])",
    re.IGNORECASE,
)
_FEWEST = 20
"""So many different moments make an order."""


def find_ids(draft: Draft, table: Table) -> None:
    """Choose the key, and leave the other ids out."""
    names = [name for name in table.names if name != draft.target and name not in draft.left]
    found = identifiers(table, names, NumberForm.of(draft.spec().source))
    unique = sorted((name for name, part in found.items() if part == "unique"), key=lambda name: not is_named(name))
    if unique and draft.key is None:
        draft.key = unique[0]
        draft.why["key"] = "different in each row, so that a row stays on its side of the holdout in every training"
    for name in [*unique[1:], *(name for name, part in found.items() if part == "text")]:
        draft.leave_out(name, "different in each row: it says nothing of new ones")
    for name, part in found.items():
        if part == "repeated":
            draft.leave_out(
                name,
                "an id that comes again: make it the group, in place of key and event_time, if rows of one belong "
                "together, or a category if it is a label",
            )


def event_time(draft: Draft, dataset: Dataset) -> str | None:
    """The column that says when each row happened, where one can be told."""
    dates = [
        column.name
        for column in dataset.schema.columns
        if column.type == "datetime" and not column.nullable and not _BIRTH.search(column.name)
    ]
    dates = [name for name in dates if _moments(dataset, name) >= _FEWEST]
    named = [name for name in dates if _EVENT.search(re.sub("(?<=[a-z])(?=[A-Z])", "_", name))]
    likely = named or dates
    if len(likely) != 1:
        return None
    draft.why["event_time"] = "when a row happened: the newest rows are held out, as a model will meet newer ones"
    return likely[0]


def _moments(dataset: Dataset, name: str) -> int:
    column = next(column for column in dataset.schema.columns if column.name == name)
    rows = np.zeros(dataset.rows, dtype=bool)
    rows[:100_000] = True
    return len(np.unique(dataset.values(column, rows).plain(column)))


def folder_of(parent: Path, number: int) -> Path:
    """A new folder for the arrays of one try."""
    folder = parent / f"try-{number}"
    folder.mkdir()
    return folder
