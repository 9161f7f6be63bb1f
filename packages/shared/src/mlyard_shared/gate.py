"""Why a candidate may serve, or may not: the report that the gate leaves on its training run."""

from collections.abc import Sequence
from typing import Literal

from mlyard_shared.contract import Contract
from mlyard_shared.metrics import MetricName

GATE_REPORT_FILE = "gate.json"
Outcome = Literal["passed", "not passed", "unknown"]
"""`unknown`: there are not enough rows to say either."""


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of several conditions: one that is not met decides, and then one that is not known."""
    ranked: tuple[Outcome, ...] = ("not passed", "unknown")
    return next((outcome for outcome in ranked if outcome in outcomes), "passed")


class Gain(Contract):
    """How much better a candidate is than the champion, in units of the metric (negative: worse).

    `low` and `high` are the ends of a paired bootstrap interval over `rows` rows: the true gain lies between them in a
    share `level` of all cases.
    """

    value: float
    low: float
    high: float
    level: float
    rows: int


class ValueScore(Contract):
    """The metric over the rows of one value of a column."""

    value: str
    rows: int
    score: float


class Condition(Contract):
    """What is asked of a candidate beside the comparison with the champion, and how it went, in a sentence.

    `column` and `values` are those whose rows were judged apart.
    """

    name: Literal["calibration", "segments", "fairness", "cooldown", "latency", "size", "approval", "origin"]
    outcome: Outcome
    reason: str
    column: str | None = None
    values: tuple[ValueScore, ...] = ()


class GateReport(Contract):
    """The gate's verdict: the scores on the same holdout, and one reason for each condition, met or not.

    `not_comparable` says why a champion has no score. Such a reason lasts: a registry that is away is asked again.
    `notes` are what a reader has to know about the scores, and decide nothing. `holdout_uses` says how many trainings
    were judged on rows of this holdout, this one included.
    """

    outcome: Outcome
    metric: MetricName
    candidate: str
    candidate_score: float
    champion_version: int | None
    champion_score: float | None
    gain: Gain | None = None
    rule: Literal["better", "refresh"] = "better"
    not_comparable: str | None = None
    minimum: float | None
    margin: float
    holdout_rows: int
    holdout_uses: int = 1
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def also(self, conditions: Sequence[Condition]) -> "GateReport":
        """The report with further conditions."""
        outcome = together([self.outcome, *(condition.outcome for condition in conditions)])
        reasons = (*self.reasons, *(condition.reason for condition in conditions))
        return self.model_copy(update={"outcome": outcome, "reasons": reasons})

    @property
    def passed(self) -> bool:
        """Whether the candidate may serve."""
        return self.outcome == "passed"

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        return f"{self.outcome}: {'; '.join(self.reasons)}"
