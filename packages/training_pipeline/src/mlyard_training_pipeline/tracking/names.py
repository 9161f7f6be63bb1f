"""The names that a training's runs carry in MLflow: tags, artifacts and kinds of runs."""

from typing import Literal

KIND = "mlyard.kind"
RUN_KEY = "mlyard.run_key"
CANDIDATE = "mlyard.candidate"
SNAPSHOT = "mlyard.snapshot"
SHA256 = "mlyard.snapshot_sha256"
PARENT = "mlflow.parentRunId"
PLACE = "mlyard.place"
ALIVE = "mlyard.alive"
SPEC_FILE = "spec.toml"
PIPELINE_FILE = "pipeline.skops"
BY_COMMAND = "cli-"
"""How the run keys of the command `run` begin."""

Kind = Literal["training", "candidate", "snapshot"]


def quotable(text: str) -> str:
    """A text as MLflow's search takes it between quotes."""
    return text.replace("'", "_")
