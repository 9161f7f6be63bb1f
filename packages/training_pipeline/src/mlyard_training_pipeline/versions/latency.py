"""What a version takes for one row on this machine, engine by engine."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from mlyard_shared.features import Array
from mlyard_shared.manifest.current import Latency

from mlyard_training_pipeline.versions.onnx import session
from mlyard_training_pipeline.versions.onnx.graph import INPUT

_LEAST, _MOST, _SECONDS = 11, 201, 0.2
"""Calls at least and at most, and how long more than the least are made."""


def of_skops(pipeline: Any, row: Array) -> Latency:
    """Measure a pipeline on a matrix of one row."""
    method = "predict_proba" if hasattr(pipeline, "predict_proba") else "predict"
    return Latency(engine="skops", rows=1, milliseconds=_median(lambda: getattr(pipeline, method)(row)))


def of_onnx(twin: Path, row: Array) -> Latency:
    """Measure a twin on a matrix of one row."""
    opened = session.opened(twin)
    return Latency(engine="onnx", rows=1, milliseconds=_median(lambda: opened.run(None, {INPUT: row})))


def _median(call: Callable[[], Any]) -> float:
    """The median of several calls after a first one, in milliseconds."""
    call()
    taken: list[float] = []
    while len(taken) < _LEAST or (len(taken) < _MOST and sum(taken) < _SECONDS):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return median(taken) * 1000
