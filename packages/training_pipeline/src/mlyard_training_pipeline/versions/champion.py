"""The present champion, asked about rows that it cannot have been trained on."""

import tempfile
from importlib.metadata import version as installed
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mlyard_shared import features
from mlyard_shared.errors import ArtifactMissing, ModelVersionRefused, RunMissing, TableError
from mlyard_shared.features import Array
from mlyard_shared.manifest import Manifest, verify_folder
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.registry import ModelVersion
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import predictions as candidates
from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.data import holdout, snapshots
from mlyard_training_pipeline.data.dataset import Class, Dataset
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.versions.onnx import session
from mlyard_training_pipeline.versions.onnx.graph import INPUT


class Answers(NamedTuple):
    """The champion's predictions for `rows` (a boolean array over the Dataset), or why there are none.

    Such a reason lasts: the next training would meet it as well. `few` says that there are not enough rows.
    """

    rows: Array
    predictions: Predictions | None
    problem: str | None = None
    few: bool = False


def ask(context: Context, version: ModelVersion, *, spec: ModelSpec, dataset: Dataset) -> Answers:
    """Ask the champion about the rows that both it and the candidates were kept from, newer ones included.

    Raises:
        RegistryError: the registry is away or says no; asked again it may answer.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="mlyard-") as name:
            folder = Path(name)
            context.registry.download(version, folder)
            manifest = verify_folder(folder, manifest_digest=version.manifest_sha256)
            if (manifest.task, manifest.target) != (spec.task, spec.target):
                return Answers(dataset.held_out, None, f"it predicts {manifest.target!r}, a {manifest.task}")
            rows = dataset.held_out & dataset.members(
                manifest.holdout, lambda: snapshots.fetch(context, manifest.snapshot)
            )
            if rows.sum() < holdout.SMALLEST_HOLDOUT:
                return Answers(rows, None, f"only {int(rows.sum())} rows were held out from both", few=True)
            predictions = predict(folder, manifest, dataset, rows)
    except (ModelVersionRefused, TableError, ArtifactMissing, RunMissing) as error:
        return Answers(dataset.held_out, None, str(error))
    return Answers(rows, translate(predictions, known=manifest.classes, wanted=dataset.classes))


def predict(folder: Path, manifest: Manifest, dataset: Dataset, rows: Array) -> Predictions:
    """Run a version as the API would: its ONNX twin where it holds and runs, else scikit-learn at the same release.

    Raises:
        ModelVersionRefused: neither is to be had.
        TableError: the table lacks one of the version's columns.
    """
    whole = {engine.kind: folder / engine.file for engine in manifest.engines if engine.whole}
    if "onnx" in whole and manifest.onnx is not None and manifest.onnx.holds:
        inputs = _twin_inputs(manifest, dataset, rows)
        # onnxruntime's errors have no root of their own; as in the API, scikit-learn takes the twin's place.
        try:
            return session.predict(whole["onnx"], inputs, task=manifest.task, rule=manifest.decision)
        except Exception as error:
            no_twin = f"its twin does not run here: {str(error).splitlines()[0]}"
            if "skops" not in whole:
                raise ModelVersionRefused(no_twin) from error
    if "skops" not in whole:
        raise ModelVersionRefused("it has no engine that runs here")
    recorded, here = manifest.packages.get("scikit-learn", "none"), installed("scikit-learn")
    if recorded.split(".")[:2] != here.split(".")[:2]:
        raise ModelVersionRefused(f"it was trained with scikit-learn {recorded}, and {here} is installed")
    matrix = dataset.matrix_for(manifest.input_schema, manifest.inputs, rows)
    return candidates.predict(load_pipeline(whole["skops"]), matrix, task=manifest.task, rule=manifest.decision)


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


def _twin_inputs(manifest: Manifest, dataset: Dataset, rows: Array) -> dict[str, Array]:
    schema, form = manifest.input_schema, manifest.inputs
    if form.encoding == "codes":
        return {INPUT: dataset.matrix_for(schema, form, rows)}
    return features.twin_inputs(dataset.columns_for(schema, rows), schema, form)
