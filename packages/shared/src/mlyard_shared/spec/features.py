"""What a spec says of the columns that the model sees."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract
from mlyard_shared.schema import ColumnType, DatePart
from mlyard_shared.spec.names import ColumnName

CategoryEncoding = Literal["native", "one_hot", "target"]


class Features(Contract):
    """Which columns the model sees. Types are inferred where they are not given.

    What an estimator sees of a category follows from its levels and from the estimator, where `encoding` does not say
    it: `native` for estimators that take categories as they are, a column for each level (`one_hot`), or the mean of
    the target (`target`). Where a column has more than `levels`, the rarest become one.
    """

    use: tuple[ColumnName, ...] = ()
    leave_out: tuple[ColumnName, ...] = ()
    types: dict[ColumnName, ColumnType] = {}
    dates: dict[ColumnName, Annotated[tuple[DatePart, ...], Field(min_length=1)]] = {}
    unseen: dict[ColumnName, Literal["refuse", "accept"]] = {}
    encoding: dict[ColumnName, CategoryEncoding] = {}
    levels: dict[ColumnName, Annotated[int, Field(ge=2, le=100_000)]] = {}

    @model_validator(mode="after")
    def _use_or_leave_out(self) -> Self:
        if self.use and self.leave_out:
            raise ValueError("give either use or leave_out")
        for name, parts in self.dates.items():
            if len(parts) != len(set(parts)):
                raise ValueError(f"dates.{name} names a part twice")
        return self

    @model_validator(mode="after")
    def _pooled_or_averaged(self) -> Self:
        both = next((name for name in self.levels if self.encoding.get(name) == "target"), None)
        if both is not None:
            raise ValueError(
                f'levels.{both} and encoding.{both} = "target" exclude each other, since the mean of a rare level is '
                "drawn towards that of all rows anyway: leave one out"
            )
        return self
