"""The names that a training's runs carry in MLflow: tags, artifacts and kinds of runs."""

from typing import Literal

KIND = "mlyard.kind"
RUN_KEY = "mlyard.run_key"
CANDIDATE = "mlyard.candidate"
SNAPSHOT = "mlyard.snapshot"
SHA256 = "mlyard.snapshot_sha256"
PARENT = "mlflow.parentRunId"
SPEC_FILE = "spec.toml"
PIPELINE_FILE = "pipeline.skops"
Kind = Literal["training", "candidate", "snapshot"]
