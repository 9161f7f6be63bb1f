"""What runs a version: its ONNX twin where that holds, else its scikit-learn pipeline. Nothing unpickles."""

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from mlyard_shared import decision, features
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.features import Array
from mlyard_shared.manifest import Manifest

EngineName = Literal["onnx", "skops"]


class Output(NamedTuple):
    """What an engine answers for n rows, unchecked.

    Classification: int64 indices into the manifest's classes, made by the manifest's decision where it has one and the
    estimator gives probabilities, else the engine's own; and the probabilities, shape [n, classes], or None.
    Regression: float64 values.
    """

    predictions: Array
    probabilities: Array | None

    def part(self, first: int, last: int) -> "Output":
        """The rows from `first` to before `last`."""
        probabilities = self.probabilities[first:last] if self.probabilities is not None else None
        return Output(self.predictions[first:last], probabilities)


class Engine(Protocol):
    """Runs one version."""

    @property
    def name(self) -> EngineName:
        """What it is."""

    @property
    def reason(self) -> str:
        """Why it was chosen."""

    def predict(self, columns: Mapping[str, Array]) -> Output:
        """Answer for columns as `mlyard_shared.features` takes them. Raises what the library raises."""


class Pipelines(Protocol):
    """Loads a scikit-learn pipeline, given its file, the manifest, and why there is no twin."""

    def __call__(self, file: Path, manifest: Manifest, *, no_twin: str) -> Engine:
        """Load it; raises `ModelVersionRefused`."""


def choose(folder: Path, manifest: Manifest, *, pipelines: Pipelines | None = None) -> Engine:
    """Load the engine of a version whose files have been verified.

    Args:
        folder: where the files are.
        manifest: the version's.
        pipelines: loads what scikit-learn runs; by default in this process.

    Raises:
        ModelVersionRefused: nothing here can run it; says why.
    """
    # The files of boosters are never opened: their formats are their libraries' own.
    whole = {engine.kind: folder / engine.file for engine in manifest.engines if engine.whole}
    parity = manifest.onnx
    if parity is None or "onnx" not in whole:
        no_twin = f"there is no ONNX twin ({manifest.onnx_refused or 'none was registered'})"
    elif not parity.holds:
        no_twin = (
            f"the ONNX twin differs: {parity.label_mismatches} labels of {parity.rows} rows, numbers by "
            f"{parity.max_difference:.2g} where {parity.tolerance:.2g} is tolerated"
        )
    else:
        try:
            return OnnxEngine(whole["onnx"], manifest)
        except ModelVersionRefused as error:
            no_twin = f"the ONNX twin cannot run here: {error}"
    if "skops" not in whole:
        raise ModelVersionRefused(f"{no_twin}, and no scikit-learn pipeline holds the whole model")
    return (pipelines or SkopsEngine)(whole["skops"], manifest, no_twin=no_twin)


def check_scikit_learn(manifest: Manifest, *, no_twin: str) -> str:
    """Return why the pipeline itself runs, which it may only at the scikit-learn that it was trained with.

    Raises:
        ModelVersionRefused: another one is installed.
    """
    trained, here = manifest.packages.get("scikit-learn", "none"), metadata.version("scikit-learn")
    if _minor(trained) != _minor(here):
        raise ModelVersionRefused(
            f"{no_twin}, and the pipeline was trained with scikit-learn {trained} where {here} is installed"
        )
    return f"{no_twin}; scikit-learn {here} runs the pipeline"


class OnnxEngine:
    """ONNX Runtime on one thread, over the inputs of `features.twin_inputs`."""

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
        outputs = ["label", "probabilities"] if manifest.task == "classification" else ["variable"]
        if not _takes(session, manifest) or [given.name for given in session.get_outputs()] != outputs:
            raise ModelVersionRefused(f"{file.name} has other inputs or outputs than the version's schema")
        parity = manifest.onnx
        self.reason = f"the ONNX twin's answers match on {parity.rows if parity else 0} holdout rows"
        self._outputs = outputs if manifest.decision is None else ["probabilities"]
        self._manifest = manifest
        self._session: Any = session

    def predict(self, columns: Mapping[str, Array]) -> Output:
        """Answer for n rows."""
        manifest = self._manifest
        feed = features.twin_inputs(columns, manifest.input_schema, manifest.inputs)
        first, *rest = self._session.run(self._outputs, feed)
        if manifest.decision is not None:
            return Output(decision.labels(first, manifest.decision), first)
        return Output(np.reshape(first, -1), rest[0] if rest else None)


class SkopsEngine:
    """The scikit-learn pipeline itself, at the scikit-learn that it was trained with."""

    name: EngineName = "skops"

    def __init__(self, file: Path, manifest: Manifest, *, no_twin: str) -> None:
        """Load the pipeline; `ModelVersionRefused` at another scikit-learn, or for a type that is not trusted."""
        self.reason = check_scikit_learn(manifest, no_twin=no_twin)
        from mlyard_shared.pipelines import load_pipeline

        self._pipeline = load_pipeline(file)
        self._has_probabilities = manifest.task == "classification" and hasattr(self._pipeline, "predict_proba")
        self._manifest = manifest

    def predict(self, columns: Mapping[str, Array]) -> Output:
        """Answer for n rows."""
        manifest = self._manifest
        matrix = features.matrix(columns, manifest.input_schema, manifest.inputs)
        # Overflow shows in the answer, which is checked.
        with np.errstate(all="ignore"):
            probabilities = self._pipeline.predict_proba(matrix) if self._has_probabilities else None
            if probabilities is not None and manifest.decision is not None:
                return Output(decision.labels(probabilities, manifest.decision), probabilities)
            return Output(np.reshape(self._pipeline.predict(matrix), -1), probabilities)


def _takes(session: Any, manifest: Manifest) -> bool:
    """Whether a twin takes what `features.twin_inputs` makes."""
    given, names = session.get_inputs(), manifest.input_schema.input_names
    if manifest.inputs.encoding == "text":
        return [value.name for value in given] == [f"x{position}" for position in range(len(names))]
    kind = "tensor(float)" if manifest.inputs.precision == "float32" else "tensor(double)"
    return [(value.name, value.type, value.shape[1:]) for value in given] == [("inputs", kind, [len(names)])]


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
