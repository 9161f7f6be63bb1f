"""Makes model versions as the training pipeline registers them, from fitted scikit-learn pipelines."""

from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from mlyard_shared import features
from mlyard_shared.manifest import (
    MODEL_FILE,
    ONNX_FILE,
    HoldoutRule,
    Manifest,
    OnnxParity,
    folder_digests,
    write_manifest,
)
from mlyard_shared.schema import Column, DateExpansion, Schema
from mlyard_shared.snapshot import Snapshot
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from .onnx_file import write_twin

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SPECIES = ("Adelie", "Chinstrap", "Gentoo")
TEXTS = [2, 3]
HOLDS = OnnxParity(rows=40, label_mismatches=0, max_difference=1e-9, tolerance=1e-6)

PENGUINS = Schema(
    columns=(
        Column(name="bill", type="number", nullable=True, example=39.1),
        Column(name="mass", type="integer", nullable=False, example=3750),
        Column(name="sex", type="category", nullable=True, categories=("female", "male"), example="male"),
        Column(
            name="island",
            type="category",
            nullable=False,
            categories=("Biscoe", "Dream"),
            unseen="accept",
            example="Dream",
        ),
        Column(name="tagged", type="boolean", nullable=True, example=True),
        Column(name="seen", type="datetime", nullable=True, example="2026-03-31T18:30:00Z"),
    ),
    dates=(DateExpansion(column="seen", parts=("year", "month")),),
)
PENGUIN: dict[str, Any] = {
    "bill": 45.5,
    "mass": 4200,
    "sex": None,
    "island": "Biscoe",
    "tagged": False,
    "seen": "2026-05-01",
}

NUMBERS = Schema(columns=(Column(name="a", type="number", nullable=False, example=1.0),))


def penguin_columns(count: int, *, seed: int = 0) -> dict[str, features.Array]:
    random = np.random.default_rng(seed)
    bills = random.normal(45, 5, count)
    bills[::7] = np.nan
    months = random.integers(0, 60, count).astype("timedelta64[M]")
    dates = (np.datetime64("2020-01", "M") + months).astype("datetime64[us]")
    dates[::5] = np.datetime64("NaT", "us")
    return {
        "bill": bills,
        "mass": random.integers(3000, 6000, count).astype(np.float64),
        "sex": random.choice(np.array(["female", "male", None], dtype=object), count),
        "island": random.choice(np.array(["Biscoe", "Dream"], dtype=object), count),
        "tagged": random.choice(np.array([0.0, 1.0, np.nan]), count),
        "seen": dates,
    }


def classifier(schema: Schema = PENGUINS) -> Any:
    """A pipeline fitted on the index of the class."""
    columns = penguin_columns(90)
    matrix = features.matrix(features.inputs(columns, schema))
    index = np.digitize(columns["mass"], [4000, 5000]).astype(np.int64)
    numbers = [position for position in range(matrix.shape[1]) if position not in TEXTS]
    prepare = ColumnTransformer(
        [("numbers", SimpleImputer(), numbers), ("texts", OneHotEncoder(handle_unknown="ignore"), TEXTS)]
    )
    return make_pipeline(prepare, LogisticRegression(max_iter=3000, C=0.01)).fit(matrix, index)


def regressor(constant: float) -> Any:
    """A pipeline that answers one number, so that an answer tells which version gave it."""
    return make_pipeline(DummyRegressor(strategy="constant", constant=constant)).fit(np.ones((2, 1)), np.ones(2))


def line(slope: float) -> Any:
    """A pipeline that answers slope * a."""
    pipeline = make_pipeline(LinearRegression()).fit(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]))
    pipeline[-1].coef_ = np.array([slope])
    return pipeline


def write_version(
    folder: Path,
    pipeline: Any,
    *,
    name: str = "penguins",
    schema: Schema = PENGUINS,
    classes: tuple[bool | int | str, ...] = SPECIES,
    onnx: OnnxParity | None = None,
    twin_inputs: str = "x",
    **changes: Any,
) -> str:
    """Write a version's folder and return the digest of its manifest."""
    folder.mkdir(parents=True)
    skops.io.dump(pipeline, folder / MODEL_FILE)
    (folder / "MLmodel").write_text("flavors: {}\n")
    if onnx is not None:
        write_twin(folder / ONNX_FILE, pipeline, schema, texts=TEXTS, prefix=twin_inputs)
    facts: dict[str, Any] = {
        "model": name,
        "task": "classification" if classes else "regression",
        "target": "species",
        "classes": classes,
        "input_schema": schema,
        "reference": (),
        "candidate": "linear",
        "estimator": "sklearn.linear_model.LogisticRegression",
        "metric": "accuracy" if classes else "rmse",
        "metrics": {"accuracy": 0.9} if classes else {"rmse": 1.0},
        "holdout": HoldoutRule(by="hash", columns=(), fraction=0.2),
        "snapshot": Snapshot(sha256="0" * 64, run_id="snapshot-run", rows=90, taken_at=WHEN),
        "run_id": "run",
        "trained_at": WHEN,
        "packages": {"scikit-learn": metadata.version("scikit-learn")},
        "onnx": onnx,
        "files": folder_digests(folder),
    }
    return write_manifest(folder, Manifest(**(facts | changes)))


def write_regressor(folder: Path, constant: float, *, name: str = "diabetes", **changes: Any) -> str:
    return write_version(folder, regressor(constant), name=name, schema=NUMBERS, classes=(), **changes)
