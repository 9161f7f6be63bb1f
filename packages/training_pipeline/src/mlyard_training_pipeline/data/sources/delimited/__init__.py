"""CSV as a stream of batches whose cells are text: `encodings` → `whole_rows` (by `quotes`) → `header` → `reader`.

PyArrow splits the rows. What it would take without a word is refused before it (quotes that do not close, or close
amid a cell), and what it refuses is explained after it (`faults`, `separators`).
"""
