"""What a spec says of the columns that the model sees."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract
from mlyard_shared.schema import ColumnType, DatePart
from mlyard_shared.spec.names import ColumnName


class Features(Contract):
    """Which columns the model sees. Types are inferred where they are not given."""

    use: tuple[ColumnName, ...] = ()
    leave_out: tuple[ColumnName, ...] = ()
    types: dict[ColumnName, ColumnType] = {}
    dates: dict[ColumnName, Annotated[tuple[DatePart, ...], Field(min_length=1)]] = {}
    unseen: dict[ColumnName, Literal["refuse", "accept"]] = {}

    @model_validator(mode="after")
    def _use_or_leave_out(self) -> Self:
        if self.use and self.leave_out:
            raise ValueError("give either use or leave_out")
        for name, parts in self.dates.items():
            if len(parts) != len(set(parts)):
                raise ValueError(f"dates.{name} names a part twice")
        return self
