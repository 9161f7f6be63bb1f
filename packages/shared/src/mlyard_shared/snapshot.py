"""What a run trained on: a reference to a Parquet artifact, stored once per content."""

from datetime import datetime

from mlyard_shared.contract import Contract


class Snapshot(Contract):
    """A table as it was: the artifact `snapshot.parquet` of its own MLflow run, known by its SHA-256."""

    sha256: str
    run_id: str
    rows: int
    taken_at: datetime
