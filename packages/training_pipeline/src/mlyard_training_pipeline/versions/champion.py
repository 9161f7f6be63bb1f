"""The present champion, asked about rows that it cannot have been trained on."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mlyard_shared.engines import OpenVersion, open_version
from mlyard_shared.errors import (
    ArtifactMissing,
    ModelFailed,
    ModelVersionRefused,
    NotComputable,
    RunMissing,
    TableError,
)
from mlyard_shared.features import Array
from mlyard_shared.registry import ModelVersion
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.data import holdout, snapshots
from mlyard_training_pipeline.data.dataset import Class, Dataset
from mlyard_training_pipeline.tracking.context import Context

_LASTING = (ArtifactMissing, ModelFailed, ModelVersionRefused, NotComputable, RunMissing, TableError)
"""What the next training would meet as well."""


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
            opened = open_version(folder, manifest_digest=version.manifest_sha256)
            manifest = opened.manifest
            if (manifest.task, manifest.target) != (spec.task, spec.target):
                return Answers(dataset.held_out, None, f"it predicts {manifest.target!r}, a {manifest.task}")
            rows = dataset.held_out & dataset.members(
                manifest.holdout, lambda: snapshots.fetch(context, manifest.snapshot)
            )
            if rows.sum() < holdout.SMALLEST_HOLDOUT:
                return Answers(rows, None, f"only {int(rows.sum())} rows were held out from both", few=True)
            predictions = predict(opened, dataset, rows)
    except _LASTING as error:
        return Answers(dataset.held_out, None, str(error))
    return Answers(rows, translate(predictions, known=manifest.classes, wanted=dataset.classes))


def predict(version: OpenVersion, dataset: Dataset, rows: Array) -> Predictions:
    """Run a version as the API would.

    Raises:
        ModelFailed: it fails, or answers what no such model can.
        NotComputable: it has no finite answer for a row.
        TableError: the table lacks one of the version's columns.
    """
    answers = version.predict(dataset.columns_for(version.manifest.input_schema, rows))
    return Predictions(answers.predictions, answers.probabilities)


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
