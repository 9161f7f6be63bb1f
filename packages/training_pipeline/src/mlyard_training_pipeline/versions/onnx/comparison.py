"""Make a twin and measure it: its answers against scikit-learn's over the holdout."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.manifest import OnnxParity
from mlyard_shared.metrics import Task

from mlyard_training_pipeline.candidates.scoring import Predictions
from mlyard_training_pipeline.data.columns import Array

TOLERANCE = 1e-5
"""Of probabilities, and of standard deviations of a target. Measured: 1e-15 for linear models, 1e-6 for trees."""

TIME_LIMIT = 60.0
SIZE_LIMIT = 200 * 1024**2


class Twin(NamedTuple):
    """What was measured, and why there is no twin where there is none."""

    parity: OnnxParity | None
    refused: str | None


def make_twin(
    model: Path, twin: Path, inputs: Mapping[str, Array], expected: Predictions, *, task: Task, scale: float = 1.0
) -> Twin:
    """Convert the pipeline of `model` into `twin`, which stays only where its answers hold.

    Args:
        model: a skops file.
        twin: where the ONNX file goes.
        inputs: the holdout's inputs, by name and in order.
        expected: scikit-learn's answers to them.
        task: what the pipeline answers.
        scale: the standard deviation of a regression's target.
    """
    if task == "classification" and expected.probabilities is None:
        return Twin(None, "the estimator gives no probabilities, and a twin has to")
    reason = _convert(model, twin, "".join("s" if array.dtype == object else "d" for array in inputs.values()))
    if reason is not None:
        twin.unlink(missing_ok=True)
        return Twin(None, reason)
    try:
        parity = compare(predict(twin, inputs, task=task), expected, scale=scale)
    # onnxruntime's errors have no root of their own; a twin that does not run is none.
    except Exception as error:  # noqa: BLE001 - the reason is kept in the manifest
        twin.unlink()
        return Twin(None, f"the twin does not run: {str(error).splitlines()[0]}")
    if parity.holds:
        return Twin(parity, None)
    twin.unlink()
    reason = (
        f"over {parity.rows} rows {parity.label_mismatches} labels differ, and numbers by up to "
        f"{parity.max_difference:.1e}, where {parity.tolerance:.0e} is allowed"
    )
    return Twin(parity, reason)


def predict(twin: Path, inputs: Mapping[str, Array], *, task: Task) -> Predictions:
    """Run a twin over inputs of shape [n] each."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(twin), options, providers=["CPUExecutionProvider"])
    wanted = {value.name for value in session.get_inputs()}
    feed = {f"x{position}": array.reshape(-1, 1) for position, array in enumerate(inputs.values())}
    outputs: list[Any] = session.run(
        ["label", "probabilities"] if task == "classification" else ["variable"],
        {name: array for name, array in feed.items() if name in wanted},
    )
    return Predictions(*(np.asarray(output) for output in outputs))


def compare(found: Predictions, expected: Predictions, *, scale: float = 1.0) -> OnnxParity:
    """The parity of two engines' answers. A number that is none counts as infinitely far."""
    if expected.probabilities is None or found.probabilities is None:
        mismatches = 0
        differences = np.abs(found.labels.astype(np.float64) - expected.labels) / (scale or 1.0)
    else:
        mismatches = int((found.labels != expected.labels).sum())
        differences = np.abs(found.probabilities.astype(np.float64) - expected.probabilities)
    largest = float(differences.max()) if differences.size else 0.0
    return OnnxParity(
        rows=len(expected.labels),
        label_mismatches=mismatches,
        max_difference=largest if np.isfinite(largest) else sys.float_info.max,
        tolerance=TOLERANCE,
    )


def _convert(model: Path, twin: Path, kinds: str) -> str | None:
    """Convert in a process of its own, since some conversions never end; the reason where it fails."""
    command = [sys.executable, "-m", "mlyard_training_pipeline.versions.onnx.conversion", str(model), str(twin), kinds]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return f"the conversion takes more than {TIME_LIMIT:.0f} s"
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return f"it cannot be converted: {lines[-1] if lines else f'exit code {done.returncode}'}"
    if twin.stat().st_size > SIZE_LIMIT:
        return f"it would have {twin.stat().st_size / 1024**2:.0f} MiB, and {SIZE_LIMIT // 1024**2} are allowed"
    return None
