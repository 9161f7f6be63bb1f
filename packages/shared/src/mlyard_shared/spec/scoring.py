"""What a spec says of metrics that mean nothing by their name alone."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract

Share = Annotated[float, Field(gt=0, lt=1)]
Label = bool | int | str


class Scoring(Contract):
    """The parameters of metrics.

    `beta` is how much more recall weighs than precision in `f_beta`, `quantile` which one `pinball` judges, and
    `costs.TRUE.SAID` what it costs to say one class where the other is true. `positive` is the class that `f_beta` and
    `average_precision` are about: of two classes the second one where it is not said, of more their mean.
    """

    beta: Annotated[float, Field(gt=0)] = 1.0
    quantile: Share | None = None
    costs: dict[str, dict[str, float]] = {}
    positive: Label | None = None

    @model_validator(mode="after")
    def _costs_are_between_classes(self) -> Self:
        if any(said == true for true, row in self.costs.items() for said in row):
            raise ValueError("costs: what is said rightly costs nothing: leave it out")
        if self.costs and not any(cost > 0 for row in self.costs.values() for cost in row.values()):
            raise ValueError("costs: give at least one that is above 0")
        return self
