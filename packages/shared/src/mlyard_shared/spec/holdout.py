"""What a spec says of the rows that no candidate trains on."""

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator

from mlyard_shared.contract import Contract

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EMBARGO = re.compile(r"([1-9][0-9]{0,4})([mhdw])", re.ASCII)


class Holdout(Contract):
    """How much of the table no candidate trains on.

    `by = "row"` hashes every column, which fits a table that is never trained on again; else the key, the group or the
    event time of the spec decides. `stratify` holds the same share of each class out, as near as hashes allow.
    `embargo` is the time before the rows held out, and before those that a fold is judged on, of which no row is
    trained on. `refit` is the share of the rows held out, the oldest of them, that the winner is fitted on once more
    after it was judged.
    """

    by: Literal["row"] | None = None
    fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    stratify: bool = False
    embargo: str | None = None
    refit: Annotated[float, Field(gt=0, lt=1)] | None = None

    @field_validator("embargo")
    @classmethod
    def _is_a_time(cls, text: str | None) -> str | None:
        if text is not None and not _EMBARGO.fullmatch(text):
            raise ValueError('give a whole number of minutes, hours, days or weeks, such as "30m", "12h", "7d" or "2w"')
        return text

    @property
    def embargo_time(self) -> timedelta:
        """The embargo, zero where there is none."""
        found = _EMBARGO.fullmatch(self.embargo or "")
        return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta(0)
