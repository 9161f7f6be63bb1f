"""The folder of a model version: MLflow's model, its ONNX twin where one holds, and `mlyard.json` over both."""

import logging
import platform
import warnings
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from mlyard_shared import features
from mlyard_shared.manifest import MODEL_FILE, ONNX_FILE, Manifest, folder_digests, write_manifest
from mlyard_shared.pipelines import TRUSTED_TYPES, load_pipeline
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import scoring
from mlyard_training_pipeline.data.dataset import Table
from mlyard_training_pipeline.data.schema import feature_reference
from mlyard_training_pipeline.tracking.references import Evaluation, TrainingRun
from mlyard_training_pipeline.versions.onnx import comparison
from mlyard_training_pipeline.versions.onnx.comparison import Twin

_PACKAGES = ("scikit-learn", "numpy", "scipy", "skops", "mlflow-skinny", "onnx", "skl2onnx", "onnxruntime")
_REQUIRED = ("mlflow-skinny", "numpy", "pandas", "scikit-learn", "scipy", "skops")


def build(
    folder: Path,
    pipeline_file: Path,
    *,
    spec: ModelSpec,
    run: TrainingRun,
    evaluation: Evaluation,
    trained: Any,
    read: Table,
) -> str:
    """Write a version's folder and return the SHA-256 of its manifest.

    Args:
        folder: where it goes; made here.
        pipeline_file: the winner's fitted pipeline as a skops file.
        spec: the spec of the training.
        run: the training.
        evaluation: the winner and its scores.
        trained: the winner's MLflow run.
        read: the table, for the schema, the reference and the twin's parity.
    """
    pipeline = load_pipeline(pipeline_file)
    _save(pipeline, folder)
    twin = _twin(folder, pipeline, spec, read)
    candidate = next(known for known in spec.candidates if known.name == evaluation.winner.candidate)
    manifest = Manifest(
        model=spec.name,
        task=spec.task,
        target=spec.target,
        classes=read.classes,
        input_schema=read.schema,
        reference=feature_reference(read.columns, read.schema, training=~read.held_out),
        candidate=candidate.name,
        estimator=candidate.estimator,
        metric=spec.metric,
        metrics={**trained.data.metrics} | {f"holdout_{name}": value for name, value in evaluation.metrics.items()},
        holdout=read.rule,
        snapshot=run.snapshot,
        run_id=run.run_id,
        trained_at=datetime.fromtimestamp(trained.info.end_time / 1000, UTC),
        packages={"python": platform.python_version(), **{name: installed(name) for name in _PACKAGES}},
        onnx=twin.parity,
        onnx_refused=twin.refused,
        files=folder_digests(folder),
    )
    return write_manifest(folder, manifest)


def _save(pipeline: Any, folder: Path) -> None:
    from mlflow.sklearn import save_model

    # MLflow warns about type hints of its own, and that pip is not installed, which an environment made by uv need not
    # have: every version is given here.
    environment = logging.getLogger("mlflow.utils.environment")
    level = environment.level
    environment.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            save_model(
                pipeline,
                str(folder),
                serialization_format="skops",
                pip_requirements=[f"{name}=={installed(name)}" for name in _REQUIRED],
                skops_trusted_types=list(TRUSTED_TYPES),
            )
    finally:
        environment.setLevel(level)


def _twin(folder: Path, pipeline: Any, spec: ModelSpec, read: Table) -> Twin:
    rows = read.held_out
    inputs = features.inputs({name: array[rows] for name, array in read.columns.items()}, read.schema)
    expected = scoring.predict(pipeline, features.matrix(inputs), task=spec.task)
    scale = float(read.target[rows].std()) if spec.task == "regression" else 1.0
    return comparison.make_twin(folder / MODEL_FILE, folder / ONNX_FILE, inputs, expected, task=spec.task, scale=scale)
