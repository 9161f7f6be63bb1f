"""Versions with the facts of contract 2 that the pipeline does not write yet, by real fits, for `make_versions.py`.

`approvals` is a classification with a threshold that was chosen by its costs, and with conformal sets; `durations` a
regression with conformal intervals; `incomes` one that was fitted on a transformed target. All have budgets.
"""

import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared import features
from mlyard_shared.decision import Decision
from mlyard_shared.features import Array
from mlyard_shared.manifest import (
    MODEL_FILE,
    ONNX_FILE,
    EngineFile,
    HoldoutRule,
    Manifest,
    folder_digests,
    write_manifest,
)
from mlyard_shared.manifest.current import Budgets, Conformal, Quantile, TargetTransform
from mlyard_shared.metrics import Task
from mlyard_shared.schema import Column, InputForm, Schema
from mlyard_shared.snapshot import Snapshot
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates import preprocessing
from mlyard_training_pipeline.versions import skops_file
from mlyard_training_pipeline.versions.onnx.comparison import Rows, make_twin
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import PowerTransformer

ROWS = 400
FALSE_NO, FALSE_YES = 5.0, 1.0
LEVELS = (0.8, 0.9)
FORM = InputForm(precision="float64")
SCHEMA = Schema(
    columns=(
        Column(name="size", type="number", nullable=False, example=42.5),
        Column(name="count", type="integer", nullable=False, example=3),
        Column(name="colour", type="category", nullable=True, categories=("blue", "green", "red"), example="red"),
    )
)
BUDGETS = Budgets(latency_ms=500.0, size_bytes=10_000_000)


def make(place: Path) -> None:
    """Fit each version, and pack it into a folder."""
    from make_versions import pack

    for name, write in (("approvals", _approvals), ("durations", _durations), ("incomes", _incomes)):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder))
            pack(Path(folder), place / f"{name}.zip")


def table() -> tuple[Array, Array, Array]:
    """The matrix of inputs, two classes, and numbers above 0 with a long tail."""
    draw = np.random.default_rng(3)
    columns: dict[str, Array] = {
        "size": draw.normal(50, 20, ROWS).round(2),
        "count": draw.integers(0, 8, ROWS).astype(np.float64),
        "colour": draw.choice(np.array(["blue", "green", "red", None], dtype=object), ROWS),
    }
    score = columns["size"] / 20 + columns["count"] + draw.normal(0, 1.5, ROWS)
    return features.matrix(columns, SCHEMA, FORM), (score > np.median(score)).astype(np.int64), np.exp(score / 3)


def _approvals(folder: Path) -> None:
    matrix, kinds, _ = table()
    candidate = Candidate(name="logistic", estimator="sklearn.linear_model.LogisticRegression")
    pipeline = preprocessing.pipeline(candidate, SCHEMA, classes=("no", "yes"), rows=ROWS)
    apart = cross_val_predict(pipeline, matrix, kinds, cv=5, method="predict_proba")
    _write(
        folder,
        pipeline.fit(matrix, kinds),
        candidate,
        name="approvals",
        classes=("no", "yes"),
        decision=Decision(kind="threshold", threshold=_threshold(apart[:, 1], kinds)),
        conformal=_conformal("one_minus_probability", 1 - apart[np.arange(ROWS), kinds]),
    )


def _durations(folder: Path) -> None:
    matrix, _, numbers = table()
    candidate = Candidate(name="ridge", estimator="sklearn.linear_model.Ridge")
    pipeline = preprocessing.pipeline(candidate, SCHEMA, classes=(), rows=ROWS)
    apart = cross_val_predict(pipeline, matrix, numbers, cv=5)
    _write(
        folder,
        pipeline.fit(matrix, numbers),
        candidate,
        name="durations",
        conformal=_conformal("absolute_residual", np.abs(numbers - apart)),
        scale=float(numbers.std()),
    )


def _incomes(folder: Path) -> None:
    matrix, _, numbers = table()
    candidate = Candidate(name="ridge", estimator="sklearn.linear_model.Ridge")
    pipeline = preprocessing.pipeline(candidate, SCHEMA, classes=(), rows=ROWS)
    name, ridge = pipeline.steps[-1]
    pipeline.steps[-1] = (name, TransformedTargetRegressor(clone(ridge), transformer=PowerTransformer()))
    pipeline.fit(matrix, numbers)
    power = float(pipeline[-1].transformer_.lambdas_[0])
    _write(
        folder,
        pipeline,
        candidate,
        name="incomes",
        target_transform=TargetTransform(kind="yeo_johnson", power=power),
        has_twin=False,
    )


def _threshold(probabilities: Array, kinds: Array) -> float:
    """The threshold that costs least where a wrong no costs more than a wrong yes."""

    def cost(threshold: float) -> float:
        said = probabilities > threshold
        return float(FALSE_NO * (kinds[~said] == 1).sum() + FALSE_YES * (kinds[said] == 0).sum())

    return min((round(share / 100, 2) for share in range(1, 100)), key=cost)


def _conformal(score: Any, scores: Array) -> Conformal:
    """Split-conformal quantiles: the level's quantile of the scores, for a sample of finite size."""
    count = len(scores)

    def quantile(level: float) -> float:
        return float(np.quantile(scores, min(1.0, np.ceil((count + 1) * level) / count), method="higher"))

    quantiles = tuple(Quantile(level=level, value=quantile(level)) for level in LEVELS)
    return Conformal(score=score, rows=count, quantiles=quantiles)


def _write(
    folder: Path,
    pipeline: Any,
    candidate: Candidate,
    *,
    name: str,
    classes: tuple[str, ...] = (),
    scale: float = 1.0,
    has_twin: bool = True,
    **facts: Any,
) -> None:
    skops_file.write(pipeline, folder / MODEL_FILE)
    matrix, _, _ = table()
    parity = refused = None
    if has_twin:
        task: Task = "classification" if classes else "regression"
        twin = make_twin(
            folder / MODEL_FILE,
            folder / ONNX_FILE,
            pipeline,
            Rows(SCHEMA, FORM, matrix[:100]),
            task=task,
            scale=scale,
        )
        parity, refused = twin.parity, twin.refused
    files = folder_digests(folder)
    engines = (EngineFile(kind="skops", file=MODEL_FILE), EngineFile(kind="onnx", file=ONNX_FILE))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    manifest = Manifest(
        model=name,
        task="classification" if classes else "regression",
        target="answer",
        classes=classes,
        input_schema=SCHEMA,
        inputs=FORM,
        engines=tuple(engine for engine in engines if engine.file in files),
        reference=(),
        candidate=candidate.name,
        estimator=candidate.estimator,
        metric="accuracy" if classes else "rmse",
        metrics={},
        holdout=HoldoutRule(by="hash", columns=(), fraction=0.2),
        snapshot=Snapshot(sha256="0" * 64, run_id="none", rows=ROWS, taken_at=now),
        run_id="none",
        trained_at=now,
        packages={"scikit-learn": installed("scikit-learn")},
        onnx=parity,
        onnx_refused=refused if has_twin else "its target is transformed",
        budgets=BUDGETS,
        files=files,
        **facts,
    )
    write_manifest(folder, manifest)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    make(Path(__file__).parent / "versions")
