"""The names that a training's runs carry in MLflow: tags, artifacts and kinds of runs."""

from datetime import UTC, datetime
from typing import Literal

KIND = "mlyard.kind"
RUN_KEY = "mlyard.run_key"
CANDIDATE = "mlyard.candidate"
SEARCH = "mlyard.search"
"""The candidate whose settings a run has tried."""
SEARCH_PART = "mlyard.search_part"
DEADLINE = "mlyard.search_deadline"
SNAPSHOT = "mlyard.snapshot"
SHA256 = "mlyard.snapshot_sha256"
PARENT = "mlflow.parentRunId"
PLACE = "mlyard.place"
ALIVE = "mlyard.alive"
SPEC_FILE = "spec.toml"
PIPELINE_FILE = "pipeline.skops"
SEARCH_FILE = "search.json"
OUT_OF_FOLD_FILE = "out_of_fold.npz"
HOLDOUT_FILE = "holdout.npz"
WINNER, BESIDE, CHAMPION = "winner", "winner_beside_champion", "champion"
"""Whose answers the file of the holdout holds; those of the last two are of the same rows."""
PLOTS = "plots"
EVIDENCE_SECONDS = "mlyard.evidence_seconds"
LEFT_OUT = "mlyard.evidence_left_out"
SCORES_FILE = "scores.json"
"""A table: each fold of each setting that was tried."""
BY_COMMAND = "cli-"
"""How the run keys of the command `run` begin."""

SNAPSHOTS = ".snapshots"
"""What the name of a model is followed by in that of the experiment that holds its tables."""

Kind = Literal["training", "candidate", "search", "snapshot"]


def training(model: str, begun: float, winner: str | None = None) -> str:
    """What a person calls a training: the model, the day in UTC, and the candidate that won.

    Args:
        model: its name.
        begun: when, in milliseconds since 1970.
        winner: the name of the candidate, once it is known.
    """
    day = f"{model} {datetime.fromtimestamp(begun / 1000, UTC):%Y-%m-%d}"
    return day if winner is None else f"{day} · {winner}"


def quotable(text: str) -> str:
    """A text as MLflow's search takes it between quotes."""
    return text.replace("'", "_")
