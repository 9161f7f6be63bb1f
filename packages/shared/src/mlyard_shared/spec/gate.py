"""What a spec asks of a candidate before it serves."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract

Rule = Literal["better", "refresh"]


class Gate(Contract):
    """What a candidate must reach on the holdout, in units of the metric.

    By the rule `better` it must beat the champion by more than `margin`, by `refresh` it must not be worse by more than
    that: either is decided by the lower end of an interval of its gain, which holds the true gain in a share `level` of
    all cases. It must be at least as good as `minimum` where one is given. `unjudged` says what becomes of a champion
    that cannot be compared for a reason that lasts: it is held, or replaced by a candidate that reaches the minimum.
    """

    rule: Rule = "better"
    level: Annotated[float, Field(ge=0.5, le=0.999)] = 0.99
    minimum: float | None = None
    margin: Annotated[float, Field(ge=0)] = 0.0
    unjudged: Literal["hold", "replace"] = "hold"

    @model_validator(mode="after")
    def _replaced_by_something_good(self) -> Self:
        if self.unjudged == "replace" and self.minimum is None:
            raise ValueError('unjudged = "replace" needs a minimum, which the new version has to reach')
        if self.rule == "refresh" and self.margin == 0:
            raise ValueError('rule = "refresh" needs a margin above 0: by how much the new version may be worse')
        return self
