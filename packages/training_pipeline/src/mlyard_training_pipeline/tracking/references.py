"""What one step hands to the next: references into MLflow, small enough for any orchestrator, and never data."""

from typing import Any

from mlyard_shared.contract import Contract
from mlyard_shared.snapshot import Snapshot


class TrainingRun(Contract):
    """A training: the parent run in the experiment that is named as the model, and what it trains on."""

    model: str
    run_id: str
    snapshot: Snapshot


class CandidateRun(Contract):
    """A candidate's own run: its mean score over the folds, in the metric's own sign, with its best parameters."""

    candidate: str
    run_id: str
    score: float
    deviation: float
    parameters: dict[str, Any] = {}


class Evaluation(Contract):
    """The winner and the champion, on the same rows that neither was trained on.

    `metrics` are the winner's, over its whole holdout. `not_comparable` says why a champion has no score.
    """

    winner: CandidateRun
    score: float
    champion_version: int | None
    champion_score: float | None
    not_comparable: str | None
    holdout_rows: int
    metrics: dict[str, float]
