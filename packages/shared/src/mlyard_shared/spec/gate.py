"""What a spec asks of a candidate before it serves."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract


class Gate(Contract):
    """What a candidate must reach on the holdout, in units of the metric.

    It must beat the champion by more than `margin`, and be at least as good as `minimum` where one is given.
    `unjudged` says what becomes of a champion that cannot be compared for a reason that lasts: it is held, or replaced
    by a candidate that reaches the minimum.
    """

    minimum: float | None = None
    margin: Annotated[float, Field(ge=0)] = 0.0
    unjudged: Literal["hold", "replace"] = "hold"

    @model_validator(mode="after")
    def _replaced_by_something_good(self) -> Self:
        if self.unjudged == "replace" and self.minimum is None:
            raise ValueError('unjudged = "replace" needs a minimum, which the new version has to reach')
        return self
