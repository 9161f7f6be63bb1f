"""The table of a job: how it is read, and the snapshot of what is needed of it."""

from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from mlyard_shared.errors import ArtifactMissing, RunMissing, TableError
from mlyard_shared.manifest import Manifest
from mlyard_shared.registry import ModelVersion
from mlyard_shared.spec import Features, ModelSpec, Source
from mlyard_shared.spec.scoring import like

from mlyard_training_pipeline.batch.request import Request
from mlyard_training_pipeline.data import sources
from mlyard_training_pipeline.data.sources import TableStream
from mlyard_training_pipeline.tracking.context import Context


class Opened(NamedTuple):
    """A table that is about to be read: the columns that are needed, and which of them tell its rows apart."""

    stream: TableStream
    ids: tuple[str, ...]

    @property
    def id_types(self) -> dict[str, Any]:
        """The Arrow types of the columns that tell rows apart."""
        return {name: self.stream.schema.field(name).type for name in self.ids}


def reading(context: Context, request: Request, champion: ModelVersion, manifest: Manifest) -> ModelSpec:
    """How the table is read: by the spec of the champion's training, but for what the request says."""
    trained: ModelSpec | None = None
    try:
        trained = context.tracking.spec_of(champion.run_id)
    # Somebody deleted the run; the version goes on serving, and its tables are read as specs say nothing of them.
    except (RunMissing, ArtifactMissing):
        form, ids = Source(path="."), request.ids
    else:
        form, ids = trained.source, request.ids or trained.identifying_columns
    names = tuple(column.name for column in manifest.input_schema.columns)
    said: dict[str, Any] = {"source": like(form, request.source), "key": ids, "features": Features(use=names)}
    if trained is None:
        facts: dict[str, Any] = {"name": champion.name, "task": manifest.task, "target": manifest.target}
        return ModelSpec.model_construct(**facts, **said)
    return trained.model_copy(update={**said, "group": None, "event_time": None, "weight": None})


def opened(context: Context, request: Request, champion: ModelVersion, manifest: Manifest, spec: ModelSpec) -> Opened:
    """Open the table.

    Raises:
        TableError: it cannot be read, or lacks a column.
        SettingsError: its connection has no URL, or one that cannot be opened here.
    """
    stream = sources.open_table(spec, Path(), context.settings.connections)
    names = [column.name for column in manifest.input_schema.columns]
    if lacking := [name for name in names if name not in stream.names]:
        raise TableError(
            f"{stream.origin} has no column{'s' if len(lacking) > 1 else ''} {', '.join(map(repr, lacking))}, which "
            f"version {champion.version} of {champion.name} takes"
        )
    if lacking := [name for name in request.ids if name not in stream.names]:
        raise TableError(f"{stream.origin} has no column {lacking[0]!r}, which was to tell its rows apart")
    ids = spec.key if set(spec.key) <= set(stream.names) else ()
    return Opened(_only(stream, [name for name in stream.names if name in {*names, *ids}]), ids)


def _only(stream: TableStream, names: list[str]) -> TableStream:
    schema = pa.schema([stream.schema.field(name) for name in names])
    return TableStream(schema, (batch.select(names) for batch in stream.batches), stream.origin)
