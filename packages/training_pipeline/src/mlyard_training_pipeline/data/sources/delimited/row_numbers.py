"""The column without a name in which pandas and R write row numbers."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.errors import TableError


class RowNumbers:
    """Takes the first column out, while it counts rows: it is not a column of the table then."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._next: int | None = None

    def taken_from(self, batch: Any) -> Any:
        """Return the batch without its first column.

        Raises:
            TableError: the column does not count by one, so that it has to have a name.
        """
        try:
            numbers = np.asarray(pc.cast(batch.column(0), pa.int64()).to_numpy(zero_copy_only=False))
        except pa.ArrowInvalid:
            numbers = np.empty(0)
        if len(numbers) != batch.num_rows or not np.array_equal(
            numbers, self._first(numbers) + np.arange(len(numbers))
        ):
            raise TableError(f"{self._origin}: column 1 has no name: give it one")
        self._next = int(numbers[-1]) + 1
        return batch.select(range(1, batch.num_columns))

    def _first(self, numbers: Any) -> int:
        return int(numbers[0]) if self._next is None else self._next
