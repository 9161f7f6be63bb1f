"""The column without a name in which pandas and R write row numbers."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.errors import TableError
from numpy.typing import NDArray


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
        numbers = _integers(batch.column(0))
        first = self._next if self._next is not None or not len(numbers) else int(numbers[0])
        if first is None or not np.array_equal(numbers, np.arange(first, first + batch.num_rows)):
            raise TableError(f"{self._origin}: column 1 has no name: give it one")
        self._next = first + batch.num_rows
        return batch.select(range(1, batch.num_columns))


def _integers(column: Any) -> NDArray[np.int64]:
    """The integers of a column of texts, none at all where one of them is something else."""
    try:
        numbers = pc.cast(column, pa.int64())
    except pa.ArrowInvalid:
        return np.empty(0, np.int64)
    return np.empty(0, np.int64) if numbers.null_count else np.asarray(numbers.to_numpy())
