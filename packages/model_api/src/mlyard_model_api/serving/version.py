"""One version of a model in memory: its files verified, its engine loaded, a lane for its predictions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mlyard_shared import cells
from mlyard_shared.columns import GRAMMARS
from mlyard_shared.contract import Contract
from mlyard_shared.engines import Engine, Output, choose
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.features import Array
from mlyard_shared.manifest import Digest, Manifest, verify_folder

from mlyard_model_api.errors import ModelFailed, NotComputable
from mlyard_model_api.serving import answers, apart
from mlyard_model_api.serving.gathering import Gathering
from mlyard_model_api.serving.lanes import Lane
from mlyard_model_api.serving.pace import Pace, measure


class Reference(Contract):
    """A version as the registry names it: the digest is the SHA-256 of its manifest."""

    name: str
    version: int
    digest: Digest


@dataclass(frozen=True)
class ServedVersion:
    """A version that can answer. It never changes, so a request that holds one sees one version.

    `count` is told the rows of each batch that was computed, `pace` is how fast it is, and `gathering` has the requests
    that are answered together in the event loop.
    """

    reference: Reference
    manifest: Manifest
    engine: Engine
    lane: Lane
    loaded_at: datetime
    count: Callable[[float], None]
    pace: Pace = field(default_factory=Pace)
    gathering: Gathering = field(default_factory=Gathering)

    def predict(self, columns: Mapping[str, Array]) -> Output:
        """Answer for n rows: class indices or finite float64 [n], and probabilities [n, classes] or None.

        Raises:
            ModelFailed: the engine fails, or answers what no such model can.
            NotComputable: the answer for a row is not finite.
        """
        output = answers.predict(self.engine, self.manifest, columns)
        self.count(len(output.predictions))
        return output


def verify(folder: Path, reference: Reference) -> Manifest:
    """Check every file of a version.

    Raises:
        ModelVersionRefused: a file is not as registered, or is of another model.
    """
    manifest = verify_folder(folder, manifest_digest=reference.digest)
    if manifest.model != reference.name:
        raise ModelVersionRefused(f"its files are of the model {manifest.model}")
    return manifest


def load(
    folder: Path,
    reference: Reference,
    manifest: Manifest,
    *,
    lane: Lane,
    count: Callable[[float], None] = lambda _rows: None,
) -> ServedVersion:
    """Load a verified version and let it answer its own input example.

    Raises:
        ModelVersionRefused: nothing here can run it, or it fails on its own example.
    """
    engine = choose(folder, manifest, pipelines=apart.start)
    answer_example(engine, manifest)
    predict = partial(answers.predict, engine, manifest)
    pace = measure(predict, manifest, _example(manifest), is_twin=engine.name == "onnx")
    return ServedVersion(reference, manifest, engine, lane, datetime.now(UTC), count, pace)


def answer_example(engine: Engine, manifest: Manifest) -> None:
    """Let an engine answer the version's input example.

    Raises:
        ModelVersionRefused: it cannot.
    """
    example = _example(manifest)
    try:
        answers.predict(engine, manifest, example)
    except (ModelFailed, NotComputable) as error:
        raise ModelVersionRefused(f"it was tried on its input example: {error}") from error


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
