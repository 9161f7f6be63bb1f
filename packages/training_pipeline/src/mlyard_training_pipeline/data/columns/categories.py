"""Categories as codes: each text gets the next number when it is first seen."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from mlyard_shared.columns import GRAMMAR_VERSION, GRAMMARS

from mlyard_training_pipeline.data.columns import dates
from mlyard_training_pipeline.data.columns.canonical import typed_texts
from mlyard_training_pipeline.data.columns.cells import Array, Cells, Parsed, faults_of

NULL = -1
"""The code of null."""

_GRAMMAR = GRAMMARS[GRAMMAR_VERSION]


class Categories:
    """The texts of a column that were seen so far, in the order of their codes."""

    def __init__(self) -> None:
        """Begin with none."""
        self.texts: Any = pa.array([], pa.string())
        self._faults: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def codes(self, cells: Cells) -> Parsed:
        """The code of each of the cells' values, int32."""
        if dates.holds_dates(cells.values.type) and (beyond := dates.moments(cells.values).faults):
            # Their text would be none that a request could name.
            return Parsed(np.full(len(cells.values), NULL, dtype=np.int32), beyond)
        values = cells.values if cells.is_text else typed_texts(cells.values)
        found = self._known(values)
        if (values.null_count or 0) < int((found == NULL).sum()):
            self._learn(pc.unique(values.filter(pa.array(found == NULL)).drop_null()))
            found = self._known(values)
        return Parsed(found, faults_of(**{code: np.isin(found, wrong) for code, wrong in self._faults.items()}))

    def _known(self, values: Any) -> Array:
        found = pc.fill_null(pc.index_in(values, self.texts, skip_nulls=True), NULL)
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int32)

    def _learn(self, texts: Any) -> None:
        for code, text in enumerate(_decoded(texts), start=len(self.texts)):
            fault = _GRAMMAR.text_fault(text)
            if fault is not None:
                self._faults.setdefault(fault.code, []).append(code)
        self.texts = pa.concat_arrays([self.texts, texts])


def _decoded(texts: Any) -> list[str]:
    """Python's texts; what is not UTF-8 becomes a lone surrogate, which is not a text either."""
    try:
        found: list[str] = texts.to_pylist()
    except UnicodeDecodeError:
        found = [octets.decode("utf-8", "surrogateescape") for octets in texts.cast(pa.binary()).to_pylist()]
    return found
