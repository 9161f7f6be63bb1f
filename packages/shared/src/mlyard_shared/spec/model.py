"""What a model spec may say as a whole; its parts say it key by key."""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from mlyard_shared.contract import Contract
from mlyard_shared.metrics import METRICS, MetricName, Task
from mlyard_shared.spec.candidates import Candidate
from mlyard_shared.spec.decision import Deciding
from mlyard_shared.spec.drift import Drift
from mlyard_shared.spec.features import Features
from mlyard_shared.spec.gate import Gate
from mlyard_shared.spec.holdout import Holdout
from mlyard_shared.spec.names import ColumnName, Slug
from mlyard_shared.spec.scoring import Scoring, Share
from mlyard_shared.spec.search import Search
from mlyard_shared.spec.source import Source

SPEC_VERSION = "1.1"
"""Of the spec as a contract: a spec gives the first part, and one more optional key raises the second."""


class ModelSpec(Contract):
    """A model spec, version 1."""

    version: Literal[1]
    name: Slug
    task: Task
    target: ColumnName
    metric: MetricName
    scoring: Scoring = Scoring()
    decision: Deciding = Deciding()
    conformal: tuple[Share, ...] = (0.8, 0.9, 0.95)
    source: Source
    candidates: Annotated[tuple[Candidate, ...], Field(min_length=1)]
    search: Search = Search()
    key: tuple[ColumnName, ...] = ()
    event_time: ColumnName | None = None
    group: ColumnName | None = None
    weight: ColumnName | None = None
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
        if self.metric == "pinball" and self.scoring.quantile is None:
            raise ValueError("metric pinball needs scoring.quantile, such as 0.9")
        of_classes = {"calibration": self.gate.calibration, "fairness": self.gate.fairness}
        if self.task == "regression" and any(of_classes.values()):
            key = next(key for key, value in of_classes.items() if value)
            raise ValueError(f"gate.{key} is for classes, and this is a regression: leave it out")
        if self.decision.is_given and self.task == "regression":
            raise ValueError("decision is for classes, and this is a regression: leave it out")
        if "cost" in (self.metric, self.decision.threshold_for) or self.decision.expected_cost:
            self._check_costs()
        others = {self.target, *self.key, self.event_time, self.group, *self.features.use}
        if self.weight is not None and self.weight in others:
            raise ValueError(f"the weight {self.weight} is also named as target, key, event_time, group or feature")
        if self.target in {*self.key, self.event_time, self.group}:
            raise ValueError(f"the target {self.target} is also named as key, event_time or group")
        if self.holdout.refit is not None and self.event_time is None:
            raise ValueError("holdout.refit needs event_time, which says which of the rows held out are the newest")
        if self.holdout.embargo is not None and self.event_time is None:
            raise ValueError("holdout.embargo needs event_time, which says how long before another a row was")
        if self.holdout.stratify and (self.event_time or self.group):
            raise ValueError(
                f"holdout.stratify and {'event_time' if self.event_time else 'group'} exclude each other, since rows "
                "that belong together are of any class: leave one out"
            )
        if self.target in self.features.use:
            raise ValueError(f"features.use names the target {self.target}")
        return self

    def _check_costs(self) -> None:
        if not self.scoring.costs:
            what = "metric cost" if self.metric == "cost" else "decision"
            raise ValueError(f"{what} needs scoring.costs, such as costs.TRUE.SAID = 5")

    @property
    def identifying_columns(self) -> tuple[str, ...]:
        """Columns that say which row or when, and are no features."""
        return tuple(dict.fromkeys([*self.key, *([self.group] if self.group else [])]))
