"""The present champion, asked about rows that it has not been trained on."""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared import features
from mlyard_shared.errors import ArtifactMissing, ModelVersionRefused, TableError
from mlyard_shared.manifest import MODEL_FILE, ONNX_FILE, Manifest, verify_folder
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.registry import ModelVersion
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import scoring
from mlyard_training_pipeline.candidates.scoring import Predictions
from mlyard_training_pipeline.data import dataset as table
from mlyard_training_pipeline.data import holdout
from mlyard_training_pipeline.data.columns import Array
from mlyard_training_pipeline.data.dataset import Class, Table
from mlyard_training_pipeline.tracking.context import Context


class Judged(NamedTuple):
    """The champion's predictions for `rows` (a boolean array over the table), or why there are none."""

    rows: Array
    predictions: Predictions | None
    problem: str | None = None


def judge(context: Context, version: ModelVersion, *, spec: ModelSpec, arrow: Any, read: Table) -> Judged:
    """Ask the champion about the rows that both it and the candidates were kept from."""
    try:
        with tempfile.TemporaryDirectory(prefix="mlyard-") as name:
            folder = Path(name)
            context.registry.download(version, folder)
            manifest = verify_folder(folder, manifest_digest=version.manifest_sha256)
            if (manifest.task, manifest.target) != (spec.task, spec.target):
                return Judged(read.held_out, None, f"it predicts {manifest.target!r}, a {manifest.task}")
            rows = read.held_out & holdout.members(arrow, manifest.holdout)
            if rows.sum() < holdout.SMALLEST_HOLDOUT:
                return Judged(rows, None, f"only {int(rows.sum())} rows were held out from both")
            columns = table.columns_for(arrow, manifest.input_schema)
            inputs = features.inputs({name: array[rows] for name, array in columns.items()}, manifest.input_schema)
            predictions = _predict(folder, manifest, inputs)
    except (ModelVersionRefused, TableError, ArtifactMissing) as error:
        return Judged(read.held_out, None, str(error))
    return Judged(rows, translate(predictions, known=manifest.classes, wanted=read.classes))


def translate(predictions: Predictions, *, known: tuple[Class, ...], wanted: tuple[Class, ...]) -> Predictions:
    """Predictions over the champion's classes, as indices into the candidates'; -1 where there is no such class."""
    if known == wanted:
        return predictions
    positions = np.array([wanted.index(label) if label in wanted else -1 for label in known])
    labels = positions[predictions.labels]
    if predictions.probabilities is None:
        return Predictions(labels)
    probabilities = np.zeros((len(labels), len(wanted)))
    shared = positions >= 0
    probabilities[:, positions[shared]] = predictions.probabilities[:, shared]
    return Predictions(labels, probabilities)


def _predict(folder: Path, manifest: Manifest, inputs: dict[str, Array]) -> Predictions:
    """Run the version as the API would: scikit-learn at the recorded release, else the twin that was found equal."""
    from sklearn import __version__ as installed

    recorded = manifest.packages.get("scikit-learn", "")
    if recorded.split(".")[:2] == installed.split(".")[:2]:
        return scoring.predict(load_pipeline(folder / MODEL_FILE), features.matrix(inputs), task=manifest.task)
    if manifest.onnx is not None and manifest.onnx.holds and ONNX_FILE in manifest.files:
        from mlyard_training_pipeline.versions.onnx import comparison

        return comparison.predict(folder / ONNX_FILE, inputs, task=manifest.task)
    raise ModelVersionRefused(f"it was trained with scikit-learn {recorded}, and {installed} is installed")
