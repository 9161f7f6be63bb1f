"""Why a candidate may serve, or may not: the report that the gate leaves on its training run."""

from mlyard_shared.contract import Contract
from mlyard_shared.metrics import MetricName

GATE_REPORT_FILE = "gate.json"


class GateReport(Contract):
    """The gate's verdict: the scores on the same holdout, and one reason for each condition, met or not.

    `not_comparable` says why a champion has no score. Such a reason lasts: a registry that is away is asked again.
    """

    passed: bool
    metric: MetricName
    candidate: str
    candidate_score: float
    champion_version: int | None
    champion_score: float | None
    not_comparable: str | None = None
    minimum: float | None
    margin: float
    holdout_rows: int
    reasons: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """One sentence for people."""
        return f"{'passed' if self.passed else 'not passed'}: {'; '.join(self.reasons)}"
