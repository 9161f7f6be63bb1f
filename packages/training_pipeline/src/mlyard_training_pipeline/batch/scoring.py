"""A job from begin to end: the champion over a snapshot of the table, chunk by chunk."""

import hashlib
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
from mlyard_shared.engines import OpenVersion, open_version
from mlyard_shared.errors import ModelNotFound, TableError
from mlyard_shared.manifest import file_digest
from mlyard_shared.registry import ModelVersion
from mlyard_shared.registry.version import check_own
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.batch import folder as folders
from mlyard_training_pipeline.batch import rejects, table
from mlyard_training_pipeline.batch.answers import Scorer, output_schema
from mlyard_training_pipeline.batch.request import Job, Request, RowsLost, fingerprint
from mlyard_training_pipeline.batch.rows import Chunks, Refusal
from mlyard_training_pipeline.batch.sinks import Sink
from mlyard_training_pipeline.batch.sinks.file import FileSink
from mlyard_training_pipeline.candidates import resources
from mlyard_training_pipeline.data import encoding
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.tracking.context import Context

_SHOWN = 5
"""Refused cells in a message."""

_SNAPSHOT = "snapshot.parquet"


class TableRefused(TableError):
    """The model does not take some cells of a table, and nothing else was asked for them."""


class Listener(Protocol):
    """Hears how a job goes on."""

    def say(self, text: str) -> None:
        """A sentence for the user."""

    def chunk(self, done: int, chunks: int) -> None:
        """So many chunks are there."""


class Scored(NamedTuple):
    """What became of a table's rows; None for a number that only the run knew which wrote them."""

    version: int
    rows: int | None
    refused: int | None
    output: str


@resources.sharing
def score(context: Context, request: Request, *, listener: Listener) -> Scored:
    """Write the champion's predictions for a table; called again after it was killed, go on where that was.

    Raises:
        ScoringError: it cannot be done as it was asked; says why, and the way out.
        TableRefused: the model does not take a cell.
        ModelNotFound: the model has no champion.
        TableError: the table cannot be read, or the model does not take it.
        SettingsError: a connection has no URL, or one that cannot be opened here.
    """
    champion = _champion(context, request.model)
    with _sink(context, request) as (folder, sink):
        left = folders.read(folder)
        known = left.id if left is not None and left.request == request else _run_id(request)
        if known is not None and sink.has(known):
            listener.say(f"the predictions of this job are in {request.sink.shown} already")
            found = Scored(left.version if left else champion.version, None, None, request.sink.shown)
        else:
            work = _Work(context, request, champion, folder, sink, listener)
            found = work.done(None if left is None else _if_fit(left, work))
        folders.clear(folder)
    return found


def _champion(context: Context, model: str) -> ModelVersion:
    champion = context.registry.find(model, "champion")
    if champion is None:
        raise ModelNotFound(f"model {model!r} has no champion: train it, or promote a version")
    check_own(champion)
    return champion


@contextmanager
def _sink(context: Context, request: Request) -> Iterator[tuple[Path, Sink]]:
    """The folder of a job and its sink, which no other job has."""
    sink = request.sink
    if sink.connection is None:
        folder = folders.place(sink, None, context.settings)
        with folders.held(folder, sink.shown):
            yield folder, FileSink(sink, folder)
        return
    from mlyard_training_pipeline.batch.sinks.table import open_table
    from mlyard_training_pipeline.data.sources.query.connection import url_of

    url = url_of(sink.connection, context.settings.connections)
    folder = folders.place(sink, url, context.settings)
    with folders.held(folder, sink.shown), open_table(sink, url) as database:
        yield folder, database


def _run_id(request: Request) -> str | None:
    """The id of a job whose run may be repeated after it was done."""
    if not request.run_key:
        return None
    return hashlib.sha256(f"{request.model}\0{request.run_key}".encode()).hexdigest()[:32]


def _if_fit(left: Job, work: "_Work") -> Job | None:
    """The job that a former process left, where it can be gone on with; says what becomes of it."""
    begun, snapshot = f"the job of {left.scored_at:%Y-%m-%d %H:%M:%S} UTC", work.folder / _SNAPSHOT
    champion = work.champion
    if left.request != work.request:
        problem = "it was asked for something else"
    elif left.manifest_sha256 != champion.manifest_sha256:
        problem = f"version {champion.version} is the champion now, and it was version {left.version}"
    elif left.fingerprint != fingerprint(work.request.source):
        problem = "the table has been changed since"
    elif not snapshot.is_file() or file_digest(snapshot) != left.snapshot_sha256:
        problem = "its snapshot is not there as it was taken"
    else:
        work.listener.say(f"{begun} goes on, over the rows that the table had then")
        return left
    work.listener.say(f"{begun} does not go on, since {problem}: this one begins anew")
    return None


class _Work(NamedTuple):
    """What a job works with."""

    context: Context
    request: Request
    champion: ModelVersion
    folder: Path
    sink: Sink
    listener: Listener

    def done(self, left: Job | None) -> Scored:
        """Carry out a job, or go on with one."""
        request, champion = self.request, self.champion
        with tempfile.TemporaryDirectory(prefix="mlyard-") as name:
            self.context.registry.download(champion, Path(name))
            version = open_version(Path(name), manifest_digest=champion.manifest_sha256)
            spec = table.reading(self.context, request, champion, version.manifest)
            job = left or self._begin(version, spec)
            form = NumberForm.of(spec.source)
            told = None if request.rejects else _SHOWN
            chunks = Chunks(self.folder / _SNAPSHOT, version.manifest.input_schema, form, job.ids, told=told)
            schema = output_schema(version.manifest, chunks.id_types, probabilities=request.probabilities)
            try:
                self._write(version, chunks, job, schema)
                refused = rejects.publish(Path(request.rejects), chunks.count, self.folder) if request.rejects else 0
                rows = self.sink.publish(job, schema, rows=job.rows - refused)
            # What the same job would meet again: the next one begins anew.
            except (TableRefused, RowsLost):
                self.sink.drop(job, schema)
                folders.clear(self.folder)
                raise
        return Scored(job.version, rows, refused, request.sink.shown)

    def _begin(self, version: OpenVersion, spec: ModelSpec) -> Job:
        """Take the snapshot, and let the job begin."""
        request, champion = self.request, self.champion
        mark = fingerprint(spec.source)
        opened = table.opened(self.context, request, champion, version.manifest, spec)
        self.sink.check(output_schema(version.manifest, opened.id_types, probabilities=request.probabilities))
        with folders.written(self.folder):
            folders.clear(self.folder)
            taken = encoding.write(opened.stream, self.folder / _SNAPSHOT)
            job = Job(
                id=_run_id(request) or uuid.uuid4().hex,
                request=request,
                ids=opened.ids,
                version=champion.version,
                manifest_sha256=champion.manifest_sha256,
                snapshot_sha256=taken.sha256,
                rows=taken.rows,
                fingerprint=mark,
                scored_at=datetime.now(UTC),
            )
            folders.keep(self.folder, job)
        self.listener.say(f"{job.rows} rows for version {job.version} of {request.model}")
        return job

    def _write(self, version: OpenVersion, chunks: Chunks, job: Job, schema: Any) -> None:
        """Score what is not there yet; where a cell is refused and may not be, read on to tell of all of them."""
        refused, first = 0, list[Refusal]()
        scorer = Scorer(version, job, schema, threads=pa.cpu_count())
        try:
            for number in range(self.sink.begin(job, schema), chunks.count):
                self.listener.chunk(number, chunks.count)
                chunk = chunks.read(number)
                if self.request.rejects is None and (refused or chunk.wrong.any()):
                    refused += int(chunk.wrong.sum())
                    first += chunk.refusals[: _SHOWN - len(first)]
                    continue
                found = scorer.answer(chunk)
                if self.request.rejects is None and found.refusals:
                    refused += len(found.refusals)
                    first += found.refusals[: _SHOWN - len(first)]
                    continue
                rejects.keep(found.refusals, number, self.folder)
                self.sink.write(job, number, found.table)
            self.listener.chunk(chunks.count, chunks.count)
        finally:
            scorer.close()
        if refused:
            raise TableRefused(_refusal(self.request, first, refused))


def _refusal(request: Request, first: list[Refusal], rows: int) -> str:
    more = f"; {rows} rows are refused in all" if rows > 1 else ""
    return (
        f"nothing is written to {request.sink.shown}, since the model does not take it: "
        f"{'; '.join(map(str, first))}{more}; correct them, or let `--rejects FILE.csv` (`scoring.rejects`) take them"
    )
