"""Datasets in the cache of snapshots: found by the snapshot and the spec, or else made by the same code."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from mlyard_shared.columns import GRAMMAR_VERSION
from mlyard_shared.spec import ModelSpec
from pydantic import ValidationError

from mlyard_training_pipeline.data import snapshots
from mlyard_training_pipeline.data.dataset.building import build
from mlyard_training_pipeline.data.dataset.layout import FILE, FORMAT, Layout
from mlyard_training_pipeline.data.dataset.mapped import Dataset
from mlyard_training_pipeline.data.holdout import HASHES, HashName
from mlyard_training_pipeline.data.table import Table
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun
from mlyard_training_pipeline.tracking.state_folder import writing

_MATTERS = {
    "task",
    "target",
    "metric",
    "key",
    "group",
    "event_time",
    "weight",
    "source",
    "features",
    "folds",
    "holdout",
}


def load(context: Context, run: TrainingRun, spec: ModelSpec) -> Dataset:
    """The Dataset of a training, made where this machine has not got it.

    Raises:
        TableError: every column and row that does not fit, and what would be right.
        SettingsError: the cache cannot be written to.
    """
    hash_name = HASHES[run.contract]
    folder = snapshots.cached(context, run.snapshot.sha256).with_suffix(f".{digest(spec, hash_name)}")

    def snapshot() -> Path:
        return snapshots.fetch(context, run.snapshot)

    layout = _stored(folder)
    if layout is None:
        with writing(folder.parent):
            layout = _make(folder, snapshot, spec, hash_name)
    return Dataset(folder, layout, spec, snapshot)


def make(file: Path, folder: Path, spec: ModelSpec, *, hash_name: HashName = "siphash24") -> Dataset:
    """Make the Dataset of a snapshot's file in a folder that is there.

    Raises:
        TableError: every column and row that does not fit, and what would be right.
    """
    return Dataset(folder, build(Table(file), spec, folder, hash_name=hash_name), spec, lambda: file)


def digest(spec: ModelSpec, hash_name: HashName = "siphash24") -> str:
    """What of a spec a Dataset depends on, with the code that makes it, as a short digest."""
    facts = spec.model_dump(mode="json", include=_MATTERS)
    if columns := spec.gate.columns:  # the table is looked through for them when the Dataset is made
        facts["gate"] = columns
    content = json.dumps([FORMAT, GRAMMAR_VERSION, hash_name, facts], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _stored(folder: Path) -> Layout | None:
    try:
        return Layout.model_validate_json((folder / FILE).read_bytes(), strict=True)
    except (OSError, ValidationError):
        return None


def _make(folder: Path, snapshot: Callable[[], Path], spec: ModelSpec, hash_name: HashName) -> Layout:
    """Make it beside its place and move it there, so that nobody maps half of one."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="dataset-") as name:
        layout = build(Table(snapshot()), spec, Path(name), hash_name=hash_name)
        # Another process may have been faster; what it made is the same, and may be mapped already.
        if _stored(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(name, folder)  # noqa: PTH105 - the name is a text here
    return layout
