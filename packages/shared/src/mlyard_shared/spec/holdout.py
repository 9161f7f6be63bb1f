"""What a spec says of the rows that no candidate trains on."""

from typing import Annotated, Literal

from pydantic import Field

from mlyard_shared.contract import Contract


class Holdout(Contract):
    """How much of the table no candidate trains on.

    `by = "row"` hashes every column, which fits a table that is never trained on again; else the key, the group or the
    event time of the spec decides. `refit` is the share of the rows held out, the oldest of them, that the winner is
    fitted on once more after it was judged.
    """

    by: Literal["row"] | None = None
    fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    refit: Annotated[float, Field(gt=0, lt=1)] | None = None
