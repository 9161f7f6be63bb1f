"""What one step hands to the next: references into MLflow, small enough for any orchestrator, and never data."""

from typing import TYPE_CHECKING, Any

from mlyard_shared.contract import Contract
from mlyard_shared.snapshot import Snapshot

if TYPE_CHECKING:
    from mlyard_training_pipeline.tracking.context import Context


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


def abandon(context: "Context", model: str, run_key: str) -> None:
    """Mark a training that did not end as failed, with every candidate that was under way. Others stay as they are."""
    from mlyard_training_pipeline.tracking import runs as tracking

    run = tracking.find_training(context.registry, model, run_key)
    if run is not None and run.info.status == "RUNNING":
        for child in tracking.children(context.registry, run):
            if child.info.status == "RUNNING":
                tracking.end(context.registry, child.info.run_id, "FAILED")
        tracking.end(context.registry, run.info.run_id, "FAILED")
