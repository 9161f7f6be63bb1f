"""A snapshot as its spec means it: made once a run, stored beside the snapshot, and mapped by every later step.

Read in the order of the data: `roles` (which column plays which part), `making` (what is at hand), `facts` and
`reading` (one column), `selection` and `sides` (who is held out), `targets`, `refusals` and `number_forms` (what is
said of columns that do not fit), `schema` and `building`; then `layout` and `arrays` (what is stored), `mapped` (the
Dataset) and `store`.
"""

from mlyard_training_pipeline.data.dataset.layout import Class
from mlyard_training_pipeline.data.dataset.mapped import Dataset
from mlyard_training_pipeline.data.dataset.store import load

__all__ = ["Class", "Dataset", "load"]
