"""Snapshots: a table as Parquet in canonical bytes, stored once per content, cached, and kept for a while."""

import hashlib
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from mlyard_shared.errors import DigestMismatch, RunMissing, SettingsError
from mlyard_shared.manifest import file_digest
from mlyard_shared.registry import Alias
from mlyard_shared.snapshot import Snapshot
from pyarrow import parquet

from mlyard_training_pipeline.settings import PREFIX
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context

SNAPSHOT_FILE = "snapshot.parquet"
_ALIASES: tuple[Alias, ...] = ("champion", "challenger", "previous")


def encode(table: Any) -> bytes:
    """A table as Parquet: the same rows and columns give the same bytes, wherever they came from."""
    columns = [_plain(column) for column in table.columns]
    plain = pa.table(columns, names=table.column_names).combine_chunks()
    sink = pa.BufferOutputStream()
    parquet.write_table(plain, sink, version="2.6", compression="zstd", row_group_size=100_000, store_schema=False)
    return bytes(sink.getvalue())


def take(context: Context, model: str, table: Any) -> Snapshot:
    """Store a table as an artifact of its own run, unless the experiment has it already.

    A file that is gone, as after a lost volume, is stored again in the run that had it.
    """
    content = encode(table)
    sha256 = hashlib.sha256(content).hexdigest()
    _write(context, sha256, content)
    experiment = context.tracking.experiment(model)
    stored = context.tracking.search(experiment, mlyard__kind="snapshot", mlyard__snapshot_sha256=sha256)
    # One whose storing was cut short is completed.
    run = next((run for run in stored if run.info.status == "FINISHED"), next(iter(stored), None))
    if run is None:
        run = context.tracking.create(
            experiment, "snapshot", name=f"snapshot {sha256[:12]}", tags={names.SHA256: sha256}
        )
        facts = {"rows": table.num_rows, "columns": table.num_columns, "bytes": len(content)}
        context.tracking.log(run.info.run_id, metrics={}, parameters=facts)
    if run.info.status != "FINISHED" or not context.tracking.has_artifact(run.info.run_id, SNAPSHOT_FILE):
        with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
            file = Path(folder, SNAPSHOT_FILE)
            file.write_bytes(content)
            context.tracking.store(run.info.run_id, file)
        context.tracking.end(run.info.run_id, "FINISHED")
    taken_at = datetime.fromtimestamp(run.info.start_time / 1000, UTC)
    return Snapshot(sha256=sha256, run_id=run.info.run_id, rows=table.num_rows, taken_at=taken_at)


def load(context: Context, snapshot: Snapshot) -> Any:
    """The table of a snapshot, from the cache or from the registry.

    Raises:
        DigestMismatch: what the registry holds is not what was stored.
    """
    file = _cached(context, snapshot.sha256)
    if not file.is_file() or file_digest(file) != snapshot.sha256:
        with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
            fetched = context.tracking.fetch(snapshot.run_id, SNAPSHOT_FILE, Path(folder))
            content = fetched.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != snapshot.sha256:
            raise DigestMismatch(SNAPSHOT_FILE, expected=snapshot.sha256, found=found)
        _write(context, snapshot.sha256, content)
    return parquet.ParquetFile(file).read()


def forget_old(context: Context, model: str, current: Snapshot) -> tuple[str, ...]:
    """Delete all but the newest snapshots of a model, and return the SHA-256 of the deleted ones.

    The setting says how many stay; the current one stays, and so does what a version with an alias was trained on.
    """
    experiment = context.tracking.experiment(model)
    runs = context.tracking.search(experiment, mlyard__kind="snapshot")
    kept = {current.sha256, *_trained_on(context, model)}
    old = [run for run in runs[context.settings.snapshot_retention :] if run.data.tags.get(names.SHA256) not in kept]
    for run in old:
        _delete(context, run)
    return tuple(run.data.tags[names.SHA256] for run in old)


def _trained_on(context: Context, model: str) -> set[str]:
    found = {alias: context.registry.find(model, alias) for alias in _ALIASES}
    runs = {version.run_id for version in found.values() if version is not None and version.run_id}
    return {sha256 for run_id in runs if (sha256 := _snapshot_of(context, run_id)) is not None}


def _snapshot_of(context: Context, run_id: str) -> str | None:
    try:
        return context.tracking.get(run_id).data.tags.get(names.SHA256)
    # Somebody deleted the run for good; its version goes on serving.
    except RunMissing:
        return None


def _delete(context: Context, run: Any) -> None:
    context.tracking.delete_artifact(run.info.run_id, SNAPSHOT_FILE)
    context.tracking.delete(run.info.run_id)
    _cached(context, run.data.tags[names.SHA256]).unlink(missing_ok=True)


def _plain(column: Any) -> Any:
    """A column without what its source chose for storing it."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_null(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", tz="UTC" if kind.tz else None), safe=False)
    return column


def _cached(context: Context, sha256: str) -> Path:
    return context.settings.snapshots / f"{sha256}.parquet"


def _write(context: Context, sha256: str, content: bytes) -> None:
    """Put a file into the cache; a reader never sees half of it."""
    file = _cached(context, sha256)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as temporary:
            temporary.write(content)
        os.replace(temporary.name, file)  # noqa: PTH105 - the name is a text here
    except OSError as error:
        raise SettingsError(
            f"cannot write into {file.parent} ({error.strerror}): let this user write there, or set {PREFIX}STATE"
        ) from None
