"""What a spec says of its table."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract
from mlyard_shared.spec.names import Slug

Character = Annotated[str, Field(min_length=1, max_length=1)]


class Source(Contract):
    """Where the table is: a CSV or Parquet file or folder, or a query over a connection named in the settings.

    How texts are read as numbers: `decimal` and `thousands` are the separators, `units` the texts around a number that
    do not count. Where `decimal` is not said it is a point, and a column that looks otherwise is refused.
    """

    path: str | None = None
    separator: Character = ","
    quote: Literal['"', "'", ""] = '"'
    multiline: bool = False
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ("", "NA", "NaN", "null")
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", "'", " ", "_"] | None = None
    units: tuple[Annotated[str, Field(min_length=1, max_length=20)], ...] = ()
    connection: Slug | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.path is None) == (self.connection is None and self.query is None):
            raise ValueError("give either path, or connection and query")
        if self.path is None and (self.connection is None or self.query is None):
            raise ValueError("connection and query go together")
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            "".encode(self.encoding)
        except LookupError:
            raise ValueError(f'encoding: {self.encoding!r} is not an encoding; give one such as "cp1252"') from None
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise ValueError("decimal and thousands are the same character")
        return self
