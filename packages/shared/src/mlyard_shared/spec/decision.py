"""What a spec says of how probabilities become a label."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract

TunedFor = Literal["accuracy", "balanced_accuracy", "f1_macro", "f_beta", "cost"]


class Deciding(Contract):
    """The rule, where it is not the largest probability.

    Of two classes the second is said where its probability is above `threshold`, or above the threshold that is best
    for a metric over the folds (`threshold_for`). With `expected_cost` the class is said that costs the least by
    `scoring.costs`.
    """

    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    threshold_for: TunedFor | None = None
    expected_cost: bool = False

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.threshold is not None) + (self.threshold_for is not None) + self.expected_cost > 1:
            raise ValueError("give one of threshold, threshold_for and expected_cost")
        return self

    @property
    def is_given(self) -> bool:
        """Whether the spec says anything."""
        return self != Deciding()
