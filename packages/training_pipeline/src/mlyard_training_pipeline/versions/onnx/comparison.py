"""Make a twin and measure it: its answers against scikit-learn's, over real rows and where engines go apart."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared import decision
from mlyard_shared.decision import TOLERANCE, Decision
from mlyard_shared.features import Array
from mlyard_shared.manifest import OnnxParity
from mlyard_shared.metrics import Task
from mlyard_shared.schema import InputForm, Schema

from mlyard_training_pipeline.candidates import memory
from mlyard_training_pipeline.candidates.predictions import DECISION, Predictions, predict
from mlyard_training_pipeline.versions.onnx import composites, conversion, library, limits, probes, session
from mlyard_training_pipeline.versions.onnx.graph import INPUT
from mlyard_training_pipeline.versions.onnx.limits import Limits

SIZE_LIMIT = 512 * 1024**2
_MAX_WIDTH = 5_000
"""A twin's encoded matrix is dense: 10 000 rows of this many columns are 400 MB."""

_LARGE = 1e15
"""Of a table's own numbers none is larger."""

_NODE_BYTES, _WORKING_BYTES = 17, 250
"""What a node of a tree takes at least in a twin, and about what it takes in memory while one is made."""


class Twin(NamedTuple):
    """What was measured, and why a twin was not kept."""

    parity: OnnxParity | None
    refused: str | None


class Rows(NamedTuple):
    """Real rows in the form of the model's inputs, and what they are; the holdout comes first."""

    schema: Schema
    form: InputForm
    matrix: Array


def make_twin(
    model: Path | None,
    twin: Path,
    pipeline: Any,
    rows: Rows,
    *,
    task: Task,
    scale: float = 1.0,
    limit: Limits | None = None,
    rule: Decision = DECISION,
) -> Twin:
    """Convert the pipeline of `model` into `twin`, which stays only where its answers hold.

    Args:
        model: a skops file; None for a pipeline that skops cannot hold, which is converted in this process.
        twin: where the ONNX file goes.
        pipeline: the same, fitted.
        rows: real rows to compare on; others are made of them.
        task: what the pipeline answers.
        scale: the standard deviation of a regression's target.
        limit: what the conversion may take.
        rule: makes labels of probabilities.
    """
    if task == "classification" and not hasattr(pipeline, "predict_proba"):
        return Twin(None, "the estimator gives no probabilities, and a twin has to")
    made = _convert(model, twin, pipeline, rows, limit or Limits(memory=max(memory.limit() // 2, 1024**3)))
    if made is None:
        # onnxruntime's errors have no root of their own; a twin that does not run is not one.
        try:
            parity = _measure(twin, pipeline, rows, task=task, scale=scale, rule=rule)
        except Exception as error:  # noqa: BLE001 - the reason is kept in the manifest
            made = f"the twin does not run: {str(error).splitlines()[0]}"
        else:
            if parity.holds:
                return Twin(parity, None)
            twin.unlink()
            return Twin(parity, _difference(parity))
    twin.unlink(missing_ok=True)
    return Twin(None, made)


def compare(
    found: Predictions, expected: Predictions, *, scale: float | Array = 1.0, rule: Decision = DECISION
) -> OnnxParity:
    """The parity of two engines' answers. A number that only one of them can give counts as infinitely far.

    Args:
        found: the twin's answers.
        expected: scikit-learn's.
        scale: what differences of a regression are measured in, for all rows or for each.
        rule: how probabilities become labels. Labels may differ where a cut is within twice the tolerance.
    """
    mismatches = 0
    if expected.probabilities is None or found.probabilities is None:
        left, right = found.labels.astype(np.float64), expected.labels.astype(np.float64)
    else:
        left, right = found.probabilities.astype(np.float64), expected.probabilities
        clear = decision.distances(right, rule) > 2 * rule.tolerance
        mismatches = int(((found.labels != expected.labels) & clear).sum())
    with np.errstate(invalid="ignore"):
        differences = np.where((left == right) | (np.isnan(left) & np.isnan(right)), 0.0, np.abs(left - right) / scale)
    largest = float(differences.max()) if differences.size else 0.0
    return OnnxParity(
        rows=len(expected.labels),
        label_mismatches=mismatches,
        max_difference=largest if np.isfinite(largest) else sys.float_info.max,
        tolerance=rule.tolerance,
    )


def _measure(twin: Path, pipeline: Any, rows: Rows, *, task: Task, scale: float, rule: Decision) -> OnnxParity:
    real = rows.matrix[: probes.limit(pipeline)]
    made = probes.rows(pipeline, rows.schema, real)
    try:
        expected = _expected(pipeline, real, made, task=task, rule=rule)
    except ValueError:
        # Where a scaler comes before trees, scikit-learn refuses what is beyond float32 when it is scaled.
        made = made[(np.abs(np.nan_to_num(made)) <= _LARGE).all(axis=1)]
        expected = _expected(pipeline, real, made, task=task, rule=rule)
    found = session.predict(twin, {INPUT: np.concatenate([real, made])}, task=task, rule=rule)
    if task == "classification":
        return compare(found, expected, rule=rule)
    scales = np.full(len(real) + len(made), scale or 1.0)
    # Far from every real row numbers are large, and so are their last digits.
    scales[len(real) :] = np.maximum(scales[len(real) :], np.abs(np.nan_to_num(expected.labels[len(real) :])))
    return compare(found, expected, scale=scales)


def _expected(pipeline: Any, real: Array, made: Array, *, task: Task, rule: Decision) -> Predictions:
    # Overflow at the largest numbers shows in the answers, which are compared.
    with np.errstate(all="ignore"):
        return predict(pipeline, np.concatenate([real, made]), task=task, rule=rule)


def _convert(model: Path | None, twin: Path, pipeline: Any, rows: Rows, limit: Limits) -> str | None:
    """Convert, and return why that failed, or None. Converters that are not ours run in a process of their own."""
    width = rows.matrix.shape[1]
    if (encoded := int(pipeline[-1].n_features_in_)) > _MAX_WIDTH:
        return f"its categories would become a dense matrix of {encoded} columns, and {_MAX_WIDTH} are allowed"
    try:
        _, nodes = composites.size(pipeline[-1])
    except NotImplementedError as error:
        return f"it cannot be converted: {error}"
    if nodes * _NODE_BYTES > SIZE_LIMIT:
        return _too_large(nodes * _NODE_BYTES)
    if nodes * _WORKING_BYTES > limit.memory:
        return f"its {nodes} nodes would take more than {limit.memory / 1024**2:.0f} MiB of memory to convert"
    try:
        if model is None or conversion.is_ours(pipeline[-1]):
            made = conversion.convert(pipeline, width=width, form=rows.form)
            twin.write_bytes(made.SerializeToString(deterministic=True))
        else:
            library.check(pipeline[-1])
            arguments = [str(model), str(twin), str(width), rows.form.precision]
            if reason := limits.run(conversion.__name__, arguments, limit):
                return reason
    except NotImplementedError as error:
        return f"it cannot be converted: {error}"
    # In the process of its own, where skops could have taken the pipeline there, any error means the same.
    except Exception as error:
        if model is not None:
            raise
        return f"it cannot be converted: {type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    size = twin.stat().st_size
    return _too_large(size) if size > SIZE_LIMIT else None


def _too_large(size: int) -> str:
    return f"it would have {size / 1024**2:.0f} MiB, and {SIZE_LIMIT // 1024**2} are allowed"


def _difference(parity: OnnxParity) -> str:
    return (
        f"over {parity.rows} rows {parity.label_mismatches} labels differ, and numbers by up to "
        f"{parity.max_difference:.1e}, where {TOLERANCE:.0e} is allowed"
    )
