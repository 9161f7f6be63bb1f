"""What a spec asks of a candidate before it serves."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract
from mlyard_shared.spec.names import ColumnName

Rule = Literal["better", "refresh"]
Limit = Annotated[float, Field(gt=0)]
Part = Annotated[float, Field(gt=0, le=1)]
Rows = Annotated[int, Field(ge=10)]


class Segments(Contract):
    """A floor for each value of a column: the metric has to reach `minimum` in each that has at least `rows` rows."""

    column: ColumnName
    minimum: float
    rows: Rows = 30


class Fairness(Contract):
    """How far apart the values of a column may be, of those that have at least `rows` rows.

    In the share of rows that are given the positive class (`selection_rate`), and in the share of the positive ones
    that are found (`true_positive_rate`).
    """

    column: ColumnName
    selection_rate: Part | None = None
    true_positive_rate: Part | None = None
    rows: Rows = 30

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.selection_rate is None and self.true_positive_rate is None:
            raise ValueError("give selection_rate, true_positive_rate or both, such as 0.1")
        return self


class Gate(Contract):
    """What a candidate must reach on the holdout, in units of the metric.

    By the rule `better` it must beat the champion by more than `margin`, by `refresh` it must not be worse by more than
    that: either is decided by the lower end of an interval of its gain, which holds the true gain in a share `level` of
    all cases. It must be at least as good as `minimum` where one is given. `unjudged` says what becomes of a champion
    that cannot be compared for a reason that lasts: it is held, or replaced by a candidate that reaches the minimum.
    `calibration` is the largest error of its probabilities, `cooldown_hours` how long a champion serves at least, and
    `latency_ms` and `size_mb` are what the engine that serves may take, for one row and on disk. With `approval` a
    person has to agree, within `approval_hours` where Airflow asks.
    """

    rule: Rule = "better"
    level: Annotated[float, Field(ge=0.5, le=0.999)] = 0.99
    minimum: float | None = None
    margin: Annotated[float, Field(ge=0)] = 0.0
    unjudged: Literal["hold", "replace"] = "hold"
    calibration: Part | None = None
    segments: Segments | None = None
    fairness: Fairness | None = None
    cooldown_hours: Limit | None = None
    latency_ms: Limit | None = None
    size_mb: Limit | None = None
    approval: bool = False
    approval_hours: Limit = 72.0

    @model_validator(mode="after")
    def _replaced_by_something_good(self) -> Self:
        if self.unjudged == "replace" and self.minimum is None:
            raise ValueError('unjudged = "replace" needs a minimum, which the new version has to reach')
        if self.rule == "refresh" and self.margin == 0:
            raise ValueError('rule = "refresh" needs a margin above 0: by how much the new version may be worse')
        return self

    @property
    def columns(self) -> dict[str, ColumnName]:
        """The columns that conditions name, by their keys."""
        named = {"gate.segments.column": self.segments, "gate.fairness.column": self.fairness}
        return {key: part.column for key, part in named.items() if part is not None}
