"""What a Dataset is on disk: its columns' places, and what they mean."""

from mlyard_shared.columns import ColumnType
from mlyard_shared.contract import Contract
from mlyard_shared.manifest import HoldoutRule
from mlyard_shared.schema import Schema

from mlyard_training_pipeline.data.dataset.arrays import Place

FILE = "dataset.json"
FORMAT = 1
"""Raised with every change of what is stored or of how it is made, so that older folders are made anew."""

Class = bool | int | str


class StoredColumn(Contract):
    """A feature: `categories` are the texts by their codes, in the order in which they were first seen."""

    name: str
    type: ColumnType
    place: Place
    categories: tuple[str, ...] = ()


class Layout(Contract):
    """A Dataset's columns and meaning."""

    rows: int
    names: tuple[str, ...]
    columns: tuple[StoredColumn, ...]
    target: Place
    classes: tuple[Class, ...]
    held_out: Place
    order: Place | None
    groups: Place | None
    weights: Place | None = None
    rule: HoldoutRule
    input_schema: Schema
