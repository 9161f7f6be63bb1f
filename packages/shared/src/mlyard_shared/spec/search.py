"""What a spec says of how candidates' settings are searched."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract

Method = Literal["grid", "random", "halving", "optuna"]


class Range(Contract):
    """Numbers to draw a parameter from: whole ones where both ends are, and alike in their logarithms with `log`."""

    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if not self.low < self.high:
            raise ValueError("low must be below high")
        if self.log and self.low <= 0:
            raise ValueError("log needs a low above 0")
        return self


class Search(Contract):
    """How long the search of all candidates may take; without `seconds`, until each has tried its settings."""

    seconds: Annotated[float, Field(gt=0)] | None = None
