"""What a model said of rows beside what is true of them: as many rows as a plot needs, in one file of arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mlyard_shared.features import Array

from mlyard_training_pipeline.candidates.out_of_fold import OutOfFold
from mlyard_training_pipeline.candidates.predictions import Predictions

MOST = 20_000
"""Rows; with more a curve looks the same."""


class Answers(NamedTuple):
    """The truth of some rows and what a model said of them; `weights` are how much each row counts."""

    truth: Array
    found: Predictions
    weights: Array | None = None

    def some(self, most: int = MOST) -> "Answers":
        """At most so many of the rows, from the whole length."""
        rows = np.linspace(0, len(self.truth) - 1, min(most, len(self.truth))).astype(np.int64)
        weights = None if self.weights is None else np.asarray(self.weights)[rows]
        return Answers(np.asarray(self.truth)[rows], self.found.of(rows), weights)


def of_folds(folds: OutOfFold) -> Answers:
    """What a candidate said of some of the rows that each fold was not fitted on, as many as a plot needs."""
    each = [Answers(*fold).some(MOST // len(folds)) for fold in folds]
    found = [one.found for one in each]
    probabilities = [one.probabilities for one in found if one.probabilities is not None]
    weights = [one.weights for one in each if one.weights is not None]
    together = Predictions(
        np.concatenate([one.labels for one in found]), np.concatenate(probabilities) if probabilities else None
    )
    truth = np.concatenate([one.truth for one in each])
    return Answers(truth, together, np.concatenate(weights) if weights else None)


def write(file: Path, named: Mapping[str, Answers]) -> None:
    """Write some of the rows of several answers into one file."""
    arrays: dict[str, Array] = {}
    for name, answers in named.items():
        truth, (labels, probabilities), weights = answers.some()
        arrays |= {f"{name}.truth": truth, f"{name}.labels": labels}
        if probabilities is not None:
            arrays[f"{name}.probabilities"] = probabilities.astype(np.float32)
        if weights is not None:
            arrays[f"{name}.weights"] = weights
    with file.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)


def read(file: Path) -> dict[str, Answers]:
    """What was written, by name."""
    with np.load(file, allow_pickle=False) as stored:
        names = [key.removesuffix(".truth") for key in stored if key.endswith(".truth")]
        arrays = dict(stored)
    return {
        name: Answers(
            arrays[f"{name}.truth"],
            Predictions(arrays[f"{name}.labels"], arrays.get(f"{name}.probabilities")),
            arrays.get(f"{name}.weights"),
        )
        for name in names
    }
