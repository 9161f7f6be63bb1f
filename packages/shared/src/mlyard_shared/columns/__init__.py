"""The one grammar of a cell: what trains can be served, and what is served could have been trained on.

`grammar` has the types and their limits, `dates` and `texts` the forms of a text cell, `values` checks the typed values
of a request, `canonical` gives a key its one spelling, and `examples` is the table that every reader is tested against.
Plain Python and NumPy; the training pipeline has the same rules vectorised, over the same patterns.
"""

from mlyard_shared.columns.grammar import (
    GRAMMAR_VERSION,
    GRAMMARS,
    MISSING,
    ColumnType,
    Fault,
    Grammar,
    composed,
)

__all__ = ["GRAMMARS", "GRAMMAR_VERSION", "MISSING", "ColumnType", "Fault", "Grammar", "composed"]
