"""Where predictions go: into a Parquet file (`file`), or a table of a database (`table`, by `copying`)."""

from typing import Any, Protocol

from mlyard_training_pipeline.batch.request import Job


class Sink(Protocol):
    """Takes the chunks of a job, each as a whole, and shows all of them at once."""

    def check(self, schema: Any) -> None:
        """Refuse what could not be written in the end; raises `ScoringError`."""

    def has(self, job_id: str) -> bool:
        """Whether a job's predictions are where they belong."""

    def begin(self, job: Job, schema: Any) -> int:
        """Take up a job, and return how many chunks there are of it already."""

    def write(self, job: Job, number: int, table: Any) -> None:
        """Keep a chunk: all of it or nothing."""

    def publish(self, job: Job, schema: Any, *, rows: int) -> int:
        """Show all rows at once, and return how many they are; raises `ScoringError` where these are others."""

    def drop(self, job: Job, schema: Any) -> None:
        """Take away what there is of a job that will not go on."""
