"""What a model spec may say, key by key."""

import unicodedata
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator
from typing_extensions import TypeAliasType

from mlyard_shared.contract import Contract
from mlyard_shared.metrics import METRICS, MetricName, Task
from mlyard_shared.schema import ColumnType, DatePart

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


ColumnName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_composed)]
"""A column's name in Unicode's NFC form, in which names are compared everywhere."""

Character = Annotated[str, Field(min_length=1, max_length=1)]
Parameter = TypeAliasType("Parameter", "bool | int | float | str | list[Parameter] | dict[str, Parameter] | None")


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


class Candidate(Contract):
    """A scikit-learn estimator to try, with fixed parameters and a grid to search."""

    name: Slug
    estimator: Annotated[str, Field(pattern=r"^sklearn(\.[A-Za-z_]\w*)+$")]
    parameters: dict[str, Parameter] = {}
    grid: dict[str, Annotated[list[Parameter], Field(min_length=1)]] = {}


class Holdout(Contract):
    """How much of the table no candidate trains on.

    `by = "row"` hashes every column, which fits a table that is never trained on again; else the key, the group or the
    event time of the spec decides.
    """

    by: Literal["row"] | None = None
    fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.2


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


class Drift(Contract):
    """When a feature counts as shifted."""

    psi: Annotated[float, Field(gt=0)] = 0.2


class ModelSpec(Contract):
    """A model spec, version 1."""

    version: Literal[1]
    name: Slug
    task: Task
    target: ColumnName
    metric: MetricName
    source: Source
    candidates: Annotated[tuple[Candidate, ...], Field(min_length=1)]
    key: tuple[ColumnName, ...] = ()
    event_time: ColumnName | None = None
    group: ColumnName | None = None
    features: Features = Features()
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    holdout: Holdout = Holdout()
    gate: Gate = Gate()
    drift: Drift = Drift()
    schedule: str | None = None
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _held_out_by_something(self) -> Self:
        given = [name for name in ("key", "group", "event_time") if getattr(self, name)]
        if self.group and self.event_time:
            raise ValueError(
                "group and event_time exclude each other, since a group's rows lie on both sides of a moment: keep one"
            )
        if self.holdout.by == "row" and given:
            raise ValueError(f'holdout.by = "row" and {given[0]} exclude each other: leave one out')
        if not given and self.holdout.by is None:
            raise ValueError(
                "nothing says which rows are the same from one training to the next: add one of "
                'key = ["COLUMN"], group = "COLUMN", event_time = "COLUMN", or, for a table that is never trained on '
                'again, holdout.by = "row"'
            )
        return self

    @model_validator(mode="after")
    def _zone_is_known(self) -> Self:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f'timezone: {self.timezone!r} is not a time zone; give one such as "Europe/Berlin"'
            ) from None
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [candidate.name for candidate in self.candidates]
        if len(names) != len(set(names)):
            raise ValueError("two candidates have the same name")
        if METRICS[self.metric].task != self.task:
            fitting = ", ".join(name for name, metric in METRICS.items() if metric.task == self.task)
            raise ValueError(f"metric {self.metric} is not for {self.task}: use one of {fitting}")
        if self.target in {*self.key, self.event_time, self.group}:
            raise ValueError(f"the target {self.target} is also named as key, event_time or group")
        if self.target in self.features.use:
            raise ValueError(f"features.use names the target {self.target}")
        return self

    @property
    def identifying_columns(self) -> tuple[str, ...]:
        """Columns that say which row or when, and are no features."""
        return tuple(dict.fromkeys([*self.key, *([self.group] if self.group else [])]))
