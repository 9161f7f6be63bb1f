"""What is asked of a job, and what the job keeps of it from one process to the next."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from mlyard_shared.contract import Contract
from mlyard_shared.errors import MlyardError
from mlyard_shared.spec import ModelSpec, Sink, Source
from mlyard_shared.spec.scoring import like

from mlyard_training_pipeline.data.sources.files import table_files

P = TypeVar("P", Source, Sink)


class ScoringError(MlyardError):
    """A table cannot be scored as it was asked."""


class RowsLost(ScoringError):
    """What a job has kept is not what it has scored, so that it cannot go on."""


class Request(Contract):
    """What is scored, and where the predictions go; paths are absolute.

    Where `ids` or the form of the texts in `source` are not said, they are those of the champion's spec. `run_key`
    names a run that may be repeated, such as one of Airflow's: its predictions are written once.
    """

    model: str
    source: Source
    sink: Sink
    ids: tuple[str, ...] = ()
    probabilities: bool = False
    rejects: str | None = None
    run_key: str = ""


def scheduled(spec: ModelSpec, folder: Path, *, run_key: str) -> Request:
    """What a spec asks for, whose paths start at its folder.

    Raises:
        ScoringError: it asks for no table to be scored.
    """
    scoring = spec.scoring
    if scoring.source is None or scoring.sink is None:
        raise ScoringError(f"the spec of {spec.name} has no scoring.source and scoring.sink any more")
    return Request(
        model=spec.name,
        source=_from(folder, like(spec.source, scoring.source)),
        sink=_from(folder, scoring.sink),
        ids=scoring.ids,
        probabilities=scoring.probabilities,
        rejects=None if scoring.rejects is None else str(folder.absolute() / scoring.rejects),
        run_key=run_key,
    )


def _from(folder: Path, place: P) -> P:
    """A source or a sink with an absolute path."""
    return place if place.path is None else place.model_copy(update={"path": str(folder.absolute() / place.path)})


class Job(Contract):
    """A job that has begun: the request, the version that answers, and the snapshot of the table.

    `fingerprint` tells files that have been changed since; a query has none, since it is asked once a job.
    """

    id: str
    request: Request
    ids: tuple[str, ...]
    version: int
    manifest_sha256: str
    snapshot_sha256: str
    rows: int
    fingerprint: str
    scored_at: datetime


def check_rows(found: int, *, wanted: int) -> None:
    """Refuse to show what is not what was scored, as where somebody else has changed what a job keeps.

    Raises:
        RowsLost: the numbers differ.
    """
    if found != wanted:
        raise RowsLost(f"{found} rows are kept of the {wanted} that were scored: nothing is shown; start the job again")


def fingerprint(source: Source) -> str:
    """What tells the files of a source from changed ones: their names, sizes and times.

    Raises:
        TableError: they cannot be read.
    """
    if source.path is None:
        return ""
    digest = hashlib.sha256()
    for file in table_files(Path(source.path)):
        found = file.path.stat()
        digest.update(f"{file.path}\0{found.st_size}\0{found.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
