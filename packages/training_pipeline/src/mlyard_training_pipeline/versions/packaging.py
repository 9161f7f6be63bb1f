"""The folder of a model version: MLflow's model, its ONNX twin where one holds, and `mlyard.json` over all of it."""

import platform
import shutil
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.features import Array
from mlyard_shared.manifest import (
    BACKGROUND_FILE,
    MODEL_FILE,
    ONNX_FILE,
    EngineFile,
    Manifest,
    folder_digests,
    write_manifest,
)
from mlyard_shared.manifest.current import Background
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.schema import InputForm, Schema
from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import estimators
from mlyard_training_pipeline.candidates.predictions import DECISION
from mlyard_training_pipeline.data import reference
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.tracking.references import Evaluation, TrainingRun
from mlyard_training_pipeline.versions import mlflow_folder
from mlyard_training_pipeline.versions.onnx import comparison, probes
from mlyard_training_pipeline.versions.onnx.comparison import Rows, Twin

BACKGROUND_ROWS = 100
_PACKAGES = ("scikit-learn", "numpy", "scipy", "skops", "mlflow-skinny", "onnx", "skl2onnx", "onnxruntime")


class Training(NamedTuple):
    """What a version comes from: its spec, run and Dataset, the winner with its MLflow run, and its scores."""

    spec: ModelSpec
    run: TrainingRun
    dataset: Dataset
    evaluation: Evaluation
    trained: Any

    @property
    def candidate(self) -> Candidate:
        """The winner in the spec."""
        name = self.evaluation.winner.candidate
        return next(known for known in self.spec.candidates if known.name == name)

    @property
    def fitted_at(self) -> datetime:
        """When the winner's fit ended."""
        return datetime.fromtimestamp(self.trained.info.end_time / 1000, UTC)


def build(folder: Path, pipeline_file: Path, training: Training) -> str:
    """Write a version's folder and return the SHA-256 of its manifest.

    Args:
        folder: where it goes; made here.
        pipeline_file: the winner's fitted pipeline as a skops file.
        training: what it comes from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(pipeline_file, folder / MODEL_FILE)
    mlflow_folder.write(folder, run_id=training.run.run_id, created_at=training.fitted_at)
    pipeline = load_pipeline(folder / MODEL_FILE)
    form = InputForm(encoding="codes", precision=estimators.precision(training.candidate))
    twin = _twin(folder, pipeline, training, form)
    background = _background(folder, training.dataset)
    return write_manifest(folder, _manifest(folder, pipeline, training, form, twin, background))


def _manifest(
    folder: Path, pipeline: Any, training: Training, form: InputForm, twin: Twin, background: Background
) -> Manifest:
    spec, dataset, evaluation = training.spec, training.dataset, training.evaluation
    files = folder_digests(folder)
    found = (EngineFile(kind="skops", file=MODEL_FILE), EngineFile(kind="onnx", file=ONNX_FILE))
    holdout = {f"holdout_{name}": value for name, value in evaluation.metrics.items()}
    return Manifest(
        model=spec.name,
        task=spec.task,
        target=spec.target,
        classes=dataset.classes,
        input_schema=_schema(dataset.schema, form),
        inputs=form,
        engines=tuple(engine for engine in found if engine.file in files),
        decision=DECISION if hasattr(pipeline, "predict_proba") else None,
        reference=reference.feature_reference(dataset),
        candidate=training.candidate.name,
        estimator=training.candidate.estimator,
        metric=spec.metric,
        metrics={**training.trained.data.metrics} | holdout,
        holdout=dataset.rule,
        snapshot=training.run.snapshot,
        run_id=training.run.run_id,
        trained_at=training.fitted_at,
        packages={"python": platform.python_version(), **{name: installed(name) for name in _PACKAGES}},
        onnx=twin.parity,
        onnx_refused=twin.refused,
        background=background,
        files=files,
    )


def _schema(schema: Schema, form: InputForm) -> Schema:
    """The schema of this version: only where inputs are rounded to float32 does a column lose digits."""
    if form.precision == "float32":
        return schema
    columns = tuple(column.model_copy(update={"rounded": False}) for column in schema.columns)
    return schema.model_copy(update={"columns": columns})


def _twin(folder: Path, pipeline: Any, training: Training, form: InputForm) -> Twin:
    dataset, task = training.dataset, training.spec.task
    sample = _sample(dataset.held_out, probes.MAX_ROWS)
    rows = Rows(dataset.schema, form, dataset.matrix(sample, precision=form.precision))
    scale = float(dataset.target[dataset.held_out].std()) if task == "regression" else 1.0
    return comparison.make_twin(folder / MODEL_FILE, folder / ONNX_FILE, pipeline, rows, task=task, scale=scale)


def _background(folder: Path, dataset: Dataset) -> Background:
    sample = _sample(~dataset.held_out, BACKGROUND_ROWS)
    np.save(folder / BACKGROUND_FILE, dataset.matrix(sample, precision="float64"), allow_pickle=False)
    return Background(rows=int(sample.sum()))


def _sample(rows: Array, count: int) -> Array:
    """At most this many of the rows, from the whole length of the table."""
    positions = np.flatnonzero(rows)
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[positions[np.linspace(0, len(positions) - 1, min(count, len(positions))).astype(np.int64)]] = True
    return chosen
