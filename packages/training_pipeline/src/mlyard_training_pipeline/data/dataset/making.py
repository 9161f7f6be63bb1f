"""What is at hand while a Dataset is made: the table, the spec, where arrays go, and where problems are noted."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mlyard_shared.columns import ColumnType
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data.columns.cells import Mask
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.dataset import reading
from mlyard_training_pipeline.data.dataset.arrays import ArrayWriter
from mlyard_training_pipeline.data.dataset.facts import Facts
from mlyard_training_pipeline.data.dataset.reading import ColumnRead
from mlyard_training_pipeline.data.holdout import HashName
from mlyard_training_pipeline.data.problems import Problems
from mlyard_training_pipeline.data.table import Table


@dataclass
class Making:
    """A Dataset under way.

    `hash_name` is what rows are hashed by to hold some out.
    `training` are the rows that are trained on; all of them as long as nobody knows who is held out (`is_split`).
    """

    table: Table
    spec: ModelSpec
    arrays: ArrayWriter
    problems: Problems
    hash_name: HashName = "siphash24"
    training: Mask = field(init=False)

    def __post_init__(self) -> None:
        self.form = NumberForm.of(self.spec.source)
        self.training = np.ones(self.table.rows, dtype=bool)
        self.held_out = ~self.training
        self.is_split = False

    def split(self, held_out: Mask, training: Mask) -> None:
        """Take note of who is held out, and who is trained on."""
        self.held_out, self.training, self.is_split = held_out, training, True

    def read(self, name: str, said: ColumnType | None, *, may_go: bool) -> ColumnRead | None:
        """Read a column; None where it is stored as something that a model does not take, which is noted.

        Args:
            name: of the column.
            said: the type that it has to have, if that is known.
            may_go: whether a model can do without the column.
        """

        def facts(kind: ColumnType) -> Facts:
            return Facts(kind, parts=self.spec.features.dates.get(name, ()))

        try:
            return reading.read(self.table.column(name), said, self.form, self.arrays, facts, self.training)
        except TableError as error:
            ways: dict[str, Any] = {"leave_out": name} if may_go else {"first": ["name another column"]}
            self.problems.add(f"column {name!r} {error}", **ways)
            return None

    def refuse_nulls(self, name: str, null: Mask, role: str) -> None:
        """Note the rows of a column that has to have a value in each."""
        if null.any():
            more = f"; so are {int(null.sum()) - 1} more" if null.sum() > 1 else ""
            self.problems.add(
                f"column {name!r}, {role}: row {int(np.argmax(null)) + 1} is empty{more}",
                first=["fill it", "take the row out"],
            )
