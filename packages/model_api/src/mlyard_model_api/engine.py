"""What runs a version: its ONNX twin where that holds, else its scikit-learn pipeline. Nothing unpickles."""

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from mlyard_shared import features
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.features import Array
from mlyard_shared.manifest import MODEL_FILE, ONNX_FILE, Manifest

EngineName = Literal["onnx", "skops"]


class Output(NamedTuple):
    """What an engine answers for n rows, unchecked.

    Classification: int64 indices into the manifest's classes, and probabilities of shape [n, classes] where the
    estimator has them. Regression: float64 values.
    """

    predictions: Array
    probabilities: Array | None


class Engine(Protocol):
    """Runs one version."""

    @property
    def name(self) -> EngineName:
        """What it is."""

    @property
    def reason(self) -> str:
        """Why it was chosen."""

    def predict(self, inputs: Mapping[str, Array]) -> Output:
        """Answer for the inputs that `mlyard_shared.features.inputs` makes. Raises what the library raises."""


def choose(folder: Path, manifest: Manifest) -> Engine:
    """Load the engine of a version whose files have been verified.

    Raises:
        ModelVersionRefused: nothing here can run it; says why.
    """
    parity = manifest.onnx
    if parity is None or ONNX_FILE not in manifest.files:
        no_twin = f"there is no ONNX twin ({manifest.onnx_refused or 'none was registered'})"
    elif not parity.holds:
        no_twin = (
            f"the ONNX twin differs: {parity.label_mismatches} labels of {parity.rows} rows, numbers by "
            f"{parity.max_difference:.2g} where {parity.tolerance:.2g} is tolerated"
        )
    else:
        try:
            return OnnxEngine(folder / ONNX_FILE, manifest)
        except ModelVersionRefused as error:
            no_twin = f"the ONNX twin cannot run here: {error}"
    return SkopsEngine(folder / MODEL_FILE, manifest, no_twin=no_twin)


class OnnxEngine:
    """ONNX Runtime on one thread: inputs `x0`, `x1`, ... of shape [n, 1] in the order of `features.input_names`."""

    name: EngineName = "onnx"

    def __init__(self, file: Path, manifest: Manifest) -> None:
        """Load the twin; `ModelVersionRefused` where ONNX Runtime refuses it or it takes other inputs."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        # ONNX Runtime's exceptions share no base of their own.
        except Exception as error:
            raise ModelVersionRefused(f"{file.name} cannot be loaded: {_first_line(error)}") from error
        found = [given.name for given in session.get_inputs()]
        wanted = [f"x{number}" for number in range(len(features.input_names(manifest.input_schema)))]
        outputs = 2 if manifest.task == "classification" else 1
        if found != wanted or len(session.get_outputs()) != outputs:
            raise ModelVersionRefused(f"{file.name} has other inputs or outputs than the version's schema")
        parity = manifest.onnx
        self.reason = f"the ONNX twin's answers match on {parity.rows if parity else 0} holdout rows"
        self._session: Any = session

    def predict(self, inputs: Mapping[str, Array]) -> Output:
        """Answer for n rows."""
        feed = {f"x{number}": values.reshape(-1, 1) for number, values in enumerate(inputs.values())}
        first, *rest = self._session.run(None, feed)
        return Output(np.reshape(first, -1), rest[0] if rest else None)


class SkopsEngine:
    """The scikit-learn pipeline itself, at the scikit-learn that it was trained with."""

    name: EngineName = "skops"

    def __init__(self, file: Path, manifest: Manifest, *, no_twin: str) -> None:
        """Load the pipeline; `ModelVersionRefused` at another scikit-learn, or for a type that is not trusted."""
        trained, here = manifest.packages.get("scikit-learn", "none"), metadata.version("scikit-learn")
        if _minor(trained) != _minor(here):
            raise ModelVersionRefused(
                f"{no_twin}, and the pipeline was trained with scikit-learn {trained} where {here} is installed"
            )
        from mlyard_shared.pipelines import load_pipeline

        self._pipeline = load_pipeline(file)
        self._classifies = manifest.task == "classification"
        self.reason = f"{no_twin}; scikit-learn {here} runs the pipeline"

    def predict(self, inputs: Mapping[str, Array]) -> Output:
        """Answer for n rows."""
        matrix = features.matrix(inputs)
        # Overflow shows in the answer, which is checked.
        with np.errstate(all="ignore"):
            predictions = np.reshape(self._pipeline.predict(matrix), -1)
            if self._classifies and hasattr(self._pipeline, "predict_proba"):
                return Output(predictions, self._pipeline.predict_proba(matrix))
        return Output(predictions, None)


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
