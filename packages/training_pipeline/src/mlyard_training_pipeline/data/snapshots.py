"""Snapshots: a table as Parquet in canonical bytes, stored once per content, cached, and kept for a while."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlyard_shared.errors import DigestMismatch, RunMissing
from mlyard_shared.manifest import file_digest
from mlyard_shared.snapshot import Snapshot

from mlyard_training_pipeline.data import encoding
from mlyard_training_pipeline.data.encoding import Encoded
from mlyard_training_pipeline.data.sources import TableStream
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.state_folder import writing

if TYPE_CHECKING:  # it imports MLflow, which a spec is checked without
    from mlyard_shared.registry import Alias

SNAPSHOT_FILE = "snapshot.parquet"
_ALIASES: tuple["Alias", ...] = ("champion", "challenger", "previous")


def take(context: Context, model: str, stream: TableStream) -> Snapshot:
    """Store a table as an artifact of its own run, unless the registry has it already.

    A file that is gone, as after a lost volume, is stored again in the run that had it.

    Raises:
        TableError: the stream finds that it is not a table.
        SettingsError: the cache cannot be written to.
    """
    folder = context.settings.snapshots
    with writing(folder), tempfile.TemporaryDirectory(dir=folder, prefix="snapshot-") as name:
        file = Path(name, SNAPSHOT_FILE)
        written = encoding.write(stream, file)
        run = _stored(context, model, written, file)
        file.replace(cached(context, written.sha256))
    taken_at = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    return Snapshot(sha256=written.sha256, run_id=run.info.run_id, rows=written.rows, taken_at=taken_at)


def fetch(context: Context, snapshot: Snapshot) -> Path:
    """The file of a snapshot, from the cache or from the registry.

    Raises:
        DigestMismatch: what the registry holds is not what was stored.
        SettingsError: the cache cannot be written to.
    """
    file = cached(context, snapshot.sha256)
    if not file.is_file() or file_digest(file) != snapshot.sha256:
        with writing(file.parent), tempfile.TemporaryDirectory(dir=file.parent, prefix="snapshot-") as folder:
            fetched = context.tracking.fetch(snapshot.run_id, SNAPSHOT_FILE, Path(folder))
            found = file_digest(fetched)
            if found != snapshot.sha256:
                raise DigestMismatch(SNAPSHOT_FILE, expected=snapshot.sha256, found=found)
            fetched.replace(file)
    return file


def cached(context: Context, sha256: str) -> Path:
    """Where a snapshot is kept on this machine; what is made of it lies beside it, under names that begin alike."""
    return context.settings.snapshots / f"{sha256}.parquet"


def forget_old(context: Context, model: str, current: Snapshot) -> tuple[str, ...]:
    """Delete all but the newest snapshots of a model, and return the SHA-256 of the deleted ones.

    The setting says how many stay; the current one stays, and so does what a version with an alias was trained on.
    """
    runs = context.tracking.snapshots(model)
    kept = {current.sha256, *_trained_on(context, model)}
    old = [run for run in runs[context.settings.snapshot_retention :] if run.data.tags.get(names.SHA256) not in kept]
    for run in old:
        _delete(context, run)
    return tuple(run.data.tags[names.SHA256] for run in old)


def _stored(context: Context, model: str, written: Encoded, file: Path) -> Any:
    """The run that has the file, found or made."""
    stored = context.tracking.snapshots(model, **{names.SHA256: written.sha256})
    # One whose storing was cut short is completed.
    run = next((run for run in stored if run.info.status == "FINISHED"), next(iter(stored), None))
    if run is None:
        tags = {names.SHA256: written.sha256}
        name = f"{model} · {written.rows} rows · {written.sha256[:12]}"
        run = context.tracking.create(context.tracking.table_experiment(model), "snapshot", name=name, tags=tags)
        facts = {"rows": written.rows, "columns": written.columns, "bytes": written.bytes}
        context.tracking.log(run.info.run_id, metrics={}, parameters=facts)
    if run.info.status != "FINISHED" or not context.tracking.has_artifact(run.info.run_id, SNAPSHOT_FILE):
        context.tracking.store(run.info.run_id, file)
        context.tracking.end(run.info.run_id, "FINISHED")
    return run


def _trained_on(context: Context, model: str) -> set[str]:
    found = {alias: context.registry.find(model, alias) for alias in _ALIASES}
    runs = {version.run_id for version in found.values() if version is not None and version.run_id}
    return {sha256 for run_id in runs if (sha256 := _snapshot_of(context, run_id)) is not None}


def _snapshot_of(context: Context, run_id: str) -> str | None:
    try:
        found: str | None = context.tracking.get(run_id).data.tags.get(names.SHA256)
    # Somebody deleted the run for good; its version goes on serving.
    except RunMissing:
        return None
    return found


def _delete(context: Context, run: Any) -> None:
    context.tracking.delete_artifact(run.info.run_id, SNAPSHOT_FILE)
    context.tracking.delete(run.info.run_id)
    sha256 = run.data.tags[names.SHA256]
    for made in context.settings.snapshots.glob(f"{sha256}.*"):
        if made.is_dir():
            shutil.rmtree(made, ignore_errors=True)
        else:
            made.unlink(missing_ok=True)
