"""A version's folder, opened: its files checked, its engine chosen as the API chooses it, and answers for columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlyard_shared.engines import checks, conformal
from mlyard_shared.engines.engine import Engine, Output, choose
from mlyard_shared.errors import NotComputable
from mlyard_shared.features import Array
from mlyard_shared.manifest import Manifest, verify_folder

ROWS = 2_000
"""So many rows are answered at a time: what an engine makes on the way of more would fill the memory."""


@dataclass(frozen=True)
class Answers:
    """What a version answers for n rows.

    `predictions` are float64 for a regression, and for a classification int64 indices into `classes`; `probabilities`
    has the shape [n, classes], or is None where the model gives none. By the level of each conformal quantile of the
    manifest there are `intervals`, float64 [n, 2], for a regression, and `sets`, bool [n, classes], for a
    classification.
    """

    predictions: Array
    classes: tuple[bool | int | str, ...]
    probabilities: Array | None
    intervals: Mapping[float, Array] = field(default_factory=dict)
    sets: Mapping[float, Array] = field(default_factory=dict)

    @property
    def values(self) -> list[Any]:
        """The classes, or the numbers."""
        found: list[Any] = self.predictions.tolist()
        return [self.classes[index] for index in found] if self.classes else found


@dataclass(frozen=True)
class OpenVersion:
    """A version that answers as the API would."""

    manifest: Manifest
    engine: Engine

    def predict(self, columns: Mapping[str, Array]) -> Answers:
        """Answer for n rows, in memory that grows with their own numbers only: no batch is too large for an engine.

        Args:
            columns: each column of the manifest's `input_schema`, shape [n], as `mlyard_shared.features` takes it.

        Raises:
            ModelFailed: the engine fails, or answers what no such model can.
            NotComputable: the answer for a row is not finite.
        """
        rows = len(next(iter(columns.values())))
        parts = [self._part(columns, first, min(first + ROWS, rows)) for first in range(0, max(rows, 1), ROWS)]
        output = parts[0] if len(parts) == 1 else _joined(parts)
        manifest = self.manifest
        return Answers(
            predictions=output.predictions,
            classes=manifest.classes,
            probabilities=output.probabilities,
            intervals=conformal.intervals(output, manifest),
            sets=conformal.sets(output, manifest),
        )

    def _part(self, columns: Mapping[str, Array], first: int, last: int) -> Output:
        part = {column.name: columns[column.name][first:last] for column in self.manifest.input_schema.columns}
        try:
            return checks.predict(self.engine, self.manifest, part, rows=last - first)
        except NotComputable as error:
            raise NotComputable(str(error), row=first + error.row) from error


def open_version(
    folder: Path, *, manifest_digest: str | None = None, beside: frozenset[str] = frozenset()
) -> OpenVersion:
    """Open the folder of a version.

    Args:
        folder: the version's files.
        manifest_digest: the SHA-256 of `mlyard.json`, from the version's tag in the registry; without it the other
            files are still checked against `mlyard.json`.
        beside: names of files that others may have put beside them.

    Raises:
        ModelVersionRefused: a file is not as registered, or nothing here can run it.
    """
    manifest = verify_folder(folder, manifest_digest=manifest_digest, beside=beside)
    return OpenVersion(manifest, choose(folder, manifest))


def _joined(parts: list[Output]) -> Output:
    predictions = np.concatenate([part.predictions for part in parts])
    probabilities = [part.probabilities for part in parts if part.probabilities is not None]
    return Output(predictions, np.concatenate(probabilities) if probabilities else None)
