"""The names that a training's runs carry in MLflow: tags, artifacts and kinds of runs."""

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
BY_COMMAND = "cli-"
"""How the run keys of the command `run` begin."""

Kind = Literal["training", "candidate", "search", "snapshot"]


def quotable(text: str) -> str:
    """A text as MLflow's search takes it between quotes."""
    return text.replace("'", "_")
