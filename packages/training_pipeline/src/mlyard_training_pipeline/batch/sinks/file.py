"""A Parquet file: the chunks are files of the job's folder until the last one is there."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
from mlyard_shared import spec
from pyarrow import parquet

from mlyard_training_pipeline.batch.folder import written
from mlyard_training_pipeline.batch.request import Job, ScoringError, check_rows

_JOB = b"mlyard.job"


class FileSink:
    """One file for each job: at the path, or in the folder there."""

    def __init__(self, sink: spec.Sink, folder: Path) -> None:
        """Write where the spec says, by way of a job's folder."""
        self._output, self._folder, self._is_file = Path(str(sink.path)), folder, sink.is_file
        self._existing = sink.existing

    def check(self, schema: Any) -> None:  # noqa: ARG002 - of every sink
        """Refuse an output that is there, unless it is to be replaced or added to."""
        output = self._output
        if self._is_file and output.is_dir():
            raise ScoringError(f"{output} is a folder: give another name for a file, or a path without .parquet")
        if not self._is_file and output.exists() and not output.is_dir():
            raise ScoringError(f"{output} is a file: give a folder, or a path that ends with .parquet")
        if self._existing != "refuse":
            return
        if (
            output.exists()
            if self._is_file
            else output.is_dir() and any(entry.name[0] != "." for entry in output.iterdir())
        ):
            way_out = "replaces it" if self._is_file else "adds a file to it"
            word = "replace" if self._is_file else "append"
            raise ScoringError(f"{output} exists: `--existing {word}` {way_out}, or give another path")

    def has(self, job_id: str) -> bool:
        """Whether a file there is this job's."""
        files = [self._output] if self._is_file else self._output.glob(f"*-{job_id}.parquet")
        for file in files:
            # What another program wrote there is not this job's.
            with suppress(OSError, pa.ArrowException):
                if (parquet.read_metadata(file).metadata or {}).get(_JOB) == job_id.encode():
                    return True
        return False

    def begin(self, job: Job, schema: Any) -> int:  # noqa: ARG002 - of every sink
        """Count the chunks that a former process wrote."""
        number = 0
        while self._part(number).is_file():
            number += 1
        return number

    def write(self, job: Job, number: int, table: Any) -> None:  # noqa: ARG002 - of every sink
        """Write a chunk under another name, and give it its own when it is whole."""
        draft = self._folder / "part.draft"
        with written(self._folder):
            parquet.write_table(table, draft, compression="zstd", write_statistics=False)
            _sync(draft)
            draft.replace(self._part(number))

    def publish(self, job: Job, schema: Any, *, rows: int) -> int:
        """Write all chunks into one file on the same disk, and move it to its place."""
        self.check(schema)  # somebody may have put something there meanwhile
        output = self._file(job)
        draft = self._folder / "whole.draft"
        schema = schema.with_metadata({_JOB: job.id})
        found = 0
        with written(output.parent):
            with parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
                for number in range(self.begin(job, schema)):
                    table = parquet.read_table(self._part(number), memory_map=False)
                    found += table.num_rows
                    writer.write_table(table.cast(schema))
            check_rows(found, wanted=rows)
            _sync(draft)
            draft.replace(output)
        return rows

    def drop(self, job: Job, schema: Any) -> None:
        """Nothing: the chunks go with what the job's folder holds."""

    def _file(self, job: Job) -> Path:
        return self._output if self._is_file else self._output / f"{job.scored_at:%Y%m%dT%H%M%SZ}-{job.id}.parquet"

    def _part(self, number: int) -> Path:
        return self._folder / f"part-{number:06}.parquet"


def _sync(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
