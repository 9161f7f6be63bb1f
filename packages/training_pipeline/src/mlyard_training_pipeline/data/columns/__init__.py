"""What the cells of a column mean: the grammar of `mlyard_shared.columns` over whole columns, and never cell by cell.

`cells` is a run of a column as it is stored. `numbers`, `dates` and `categories` read cells whose type is known, and
`values` chooses among them; `canonical` spells keys. `inference` finds the type of a column, and `doubts` what its
texts are meant as where they have none, with `sentinels` (words for missing) and `readings` (other forms of numbers).
"""

from mlyard_training_pipeline.data.columns.cells import Array, Cells

__all__ = ["Array", "Cells"]
