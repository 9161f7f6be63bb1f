"""One version of a model in memory: its files verified, its engine loaded, tried on its own input example."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS
from mlyard_shared.contract import Contract
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.features import Array
from mlyard_shared.manifest import Digest, Manifest, verify_folder

from mlyard_model_api.errors import NotComputable
from mlyard_model_api.serving.engines import Engine, Output, choose

log = logging.getLogger(__name__)


class Reference(Contract):
    """A version as the registry names it: the digest is the SHA-256 of its manifest."""

    name: str
    version: int
    digest: Digest


@dataclass(frozen=True)
class ServedVersion:
    """A version that can answer. It never changes, so a request that holds one sees one version."""

    reference: Reference
    manifest: Manifest
    engine: Engine
    loaded_at: datetime

    def predict(self, columns: dict[str, Array]) -> Output:
        """Answer for n rows: class indices or finite float64 [n], and finite probabilities [n, classes] or None.

        Raises:
            NotComputable: the model fails on these values, or its answer for a row is not finite.
        """
        try:
            output = self.engine.predict(columns)
        # The libraries raise what they like for values that they cannot take; the version itself was tried before.
        except Exception as error:
            name, version = self.reference.name, self.reference.version
            log.warning("%s version %d failed on a request: %s", name, version, type(error).__name__)
            raise NotComputable("the model cannot compute an answer for these values") from error
        return self._checked(output, len(next(iter(columns.values()), ())))

    def _checked(self, output: Output, count: int) -> Output:
        predictions, probabilities = output
        classes = len(self.manifest.classes)
        if predictions.shape != (count,) or (probabilities is not None and probabilities.shape != (count, classes)):
            raise NotComputable("the model's answer has the wrong shape")
        if self.manifest.task == "regression":
            predictions = predictions.astype(np.float64)
            numbers = predictions[:, None]
        else:
            whole = np.issubdtype(predictions.dtype, np.integer)
            if not (whole and ((predictions >= 0) & (predictions < classes)).all()):
                raise NotComputable("the model's answer is not one of its classes")
            numbers = np.zeros((count, 1)) if probabilities is None else probabilities
        finite = np.asarray(np.isfinite(numbers).all(axis=1))
        if not finite.all():
            raise NotComputable("the model has no finite answer for this row", row=int(np.argmin(finite)))
        return Output(predictions, probabilities)


def verify(folder: Path, reference: Reference) -> Manifest:
    """Check every file of a version.

    Raises:
        ModelVersionRefused: a file is not as registered, or is of another model.
    """
    manifest = verify_folder(folder, manifest_digest=reference.digest)
    if manifest.model != reference.name:
        raise ModelVersionRefused(f"its files are of the model {manifest.model}")
    return manifest


def load(folder: Path, reference: Reference, manifest: Manifest) -> ServedVersion:
    """Load a verified version and try it.

    Raises:
        ModelVersionRefused: nothing here can run it, or it fails on its own example.
    """
    version = ServedVersion(reference, manifest, choose(folder, manifest), loaded_at=datetime.now(UTC))
    try:
        version.predict(_example(manifest))
    except NotComputable as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        raise ModelVersionRefused(f"it was tried on its input example: {error}{cause}"[:500]) from error
    return version


def _example(manifest: Manifest) -> dict[str, Array]:
    """The columns of the version's input example, one row."""
    grammar = GRAMMARS[manifest.grammar]
    columns = {}
    for column in manifest.input_schema.columns:
        try:
            columns[column.name] = cells.array(column, [column.example], grammar)
        except cells.DoesNotFit:
            reason = ", ".join(fault.message for _, fault in cells.faults(column, [column.example], grammar))
            raise ModelVersionRefused(f"its input example breaks its schema: {column.name} {reason}") from None
    return columns
