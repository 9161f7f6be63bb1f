"""How much each row counts: a column that the spec names, and that no model sees."""

from mlyard_training_pipeline.data.dataset.arrays import Place
from mlyard_training_pipeline.data.dataset.making import Making
from mlyard_training_pipeline.data.dataset.refusals import Refusals


def read_weights(making: Making) -> Place | None:
    """Where the weights are; None where there are none, or where a problem was noted."""
    name, noted = making.spec.weight, len(making.problems.found)
    if name is None:
        return None
    found = making.read(name, "number", may_go=False)
    if found is None:
        return None
    refusals = Refusals(making.problems, making.form)
    refusals.faults(making.table.column(name), found, may_be_null=False, may_go=False)
    if not found.faults:
        making.refuse_nulls(name, found.null, "the weight")
    if len(making.problems.found) == noted and found.facts.low is not None and found.facts.low <= 0:
        making.problems.add(
            f"column {name!r}, the weight, is {found.facts.low:g} in some rows, and has to be above 0",
            first=["take such rows out", "name another column"],
        )
    return found.place
