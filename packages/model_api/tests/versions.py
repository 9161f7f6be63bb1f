"""Makes model versions as the training pipeline registers them, from fitted scikit-learn pipelines.

They are of contract 2, or of contract 1 with the form `TEXT`.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from mlyard_shared import features
from mlyard_shared.decision import Decision
from mlyard_shared.manifest import (
    BACKGROUND_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    ONNX_FILE,
    EngineFile,
    FeatureReference,
    HoldoutRule,
    Manifest,
    OnnxParity,
    file_digest,
    folder_digests,
    write_manifest,
)
from mlyard_shared.manifest.contract1 import HoldoutRule1, Manifest1
from mlyard_shared.manifest.current import Background, Budgets, CandidateScore, Card, Conformal, Latency, Quantile
from mlyard_shared.schema import Column, DateExpansion, InputForm, Schema
from mlyard_shared.snapshot import Snapshot
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from .onnx_file import write_loop, write_twin

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SPECIES = ("Adelie", "Chinstrap", "Gentoo")
TEXTS = [2, 3]
CODES = InputForm(encoding="codes", precision="float64")
TEXT = InputForm(encoding="text", precision="float64")
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


def classifier(form: InputForm = CODES) -> Any:
    """A pipeline over the penguins, fitted on the index of the class."""
    return fit(LogisticRegression(max_iter=3000, C=0.01), form)


def fit(estimator: Any, form: InputForm = CODES, *, classes: int = 3) -> Any:
    """Fit an estimator on the penguins, behind the preprocessing of their columns."""
    columns = penguin_columns(90)
    matrix = features.matrix(columns, PENGUINS, form)
    index = np.digitize(columns["mass"], [4000, 5000][: classes - 1]).astype(np.int64)
    numbers = [position for position in range(matrix.shape[1]) if position not in TEXTS]
    texts = [column for column in PENGUINS.columns if column.type == "category"]
    codes = [[float(code) for code in range(len(column.categories) + column.nullable)] for column in texts]
    known = codes if form.encoding == "codes" else "auto"
    hot = OneHotEncoder(categories=known, handle_unknown="ignore")
    prepare = ColumnTransformer([("numbers", SimpleImputer(), numbers), ("texts", hot, TEXTS)])
    return make_pipeline(prepare, estimator).fit(matrix, index)


def regressor(constant: float) -> Any:
    """A pipeline that answers one number, so that an answer tells which version gave it."""
    return make_pipeline(DummyRegressor(strategy="constant", constant=constant)).fit(np.ones((2, 1)), np.ones(2))


def line(slope: float) -> Any:
    """A pipeline that answers slope * a."""
    pipeline = make_pipeline(LinearRegression()).fit(np.array([[0.0], [1.0]]), np.array([0.0, 1.0]))
    pipeline[-1].coef_ = np.array([slope])
    return pipeline


def heavy(size: int) -> Any:
    """A pipeline that takes this many bytes in memory, and twice as many for a moment while it is loaded."""
    pipeline = line(1.0)
    pipeline[-1].ballast_ = np.random.default_rng(0).random(size // 8)
    return pipeline


def write_version(
    folder: Path,
    pipeline: Any,
    *,
    name: str = "penguins",
    schema: Schema = PENGUINS,
    classes: tuple[bool | int | str, ...] = SPECIES,
    form: InputForm = CODES,
    onnx: OnnxParity | None = None,
    twin_inputs: str | None = None,
    twin_scale: float = 1.0,
    twin: Callable[[Path], None] | None = None,
    **changes: Any,
) -> str:
    """Write a version's folder and return the digest of its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(pipeline, folder / MODEL_FILE)
    (folder / "MLmodel").write_text("flavors: {}\n")
    if onnx is not None:
        if twin is None:
            write_twin(folder / ONNX_FILE, pipeline, schema, form, prefix=twin_inputs, scale=twin_scale)
        else:
            twin(folder / ONNX_FILE)
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
        "snapshot": Snapshot(sha256="0" * 64, run_id="snapshot-run", rows=90, taken_at=WHEN),
        "run_id": "run",
        "trained_at": WHEN,
        "packages": {"scikit-learn": metadata.version("scikit-learn")},
        "onnx": onnx,
        "files": folder_digests(folder),
    }
    if form == TEXT:
        return _write_contract1(folder, facts | changes)
    whole = (EngineFile(kind="onnx", file=ONNX_FILE),) if onnx is not None else ()
    facts |= {
        "inputs": form,
        "engines": (EngineFile(kind="skops", file=MODEL_FILE), *whole),
        "decision": Decision() if classes else None,
        "holdout": HoldoutRule(by="hash", columns=(), fraction=0.2),
    }
    return write_manifest(folder, Manifest(**(facts | changes)))


def _write_contract1(folder: Path, facts: dict[str, Any]) -> str:
    """Write a manifest as version 0.2.0 did."""
    holdout = HoldoutRule1(by="hash", columns=(), fraction=0.2)
    document = Manifest1(**(facts | {"holdout": holdout})).model_dump(mode="json")
    for column in document["input_schema"]["columns"]:
        del column["rounded"]
    (folder / MANIFEST_FILE).write_text(json.dumps(document))
    return file_digest(folder / MANIFEST_FILE)


def write_full_version(folder: Path, pipeline: Any, **changes: Any) -> str:
    """Write a version of the penguins in which every fact of contract 2 is given that a classifier can have."""
    folder.mkdir(parents=True)
    background = features.matrix(penguin_columns(20), PENGUINS, CODES)
    np.save(folder / BACKGROUND_FILE, background)
    (folder / "booster.txt").write_text("tree\n")
    engines = (
        EngineFile(kind="skops", file=MODEL_FILE),
        EngineFile(kind="onnx", file=ONNX_FILE),
        EngineFile(kind="lightgbm", file="booster.txt"),
    )
    scores = FeatureReference(column="Adelie", rows=72, missing=0, edges=(0.0, 0.5, 1.0), counts=(40, 32))
    facts: dict[str, Any] = {
        "onnx": HOLDS,
        "engines": engines,
        "decision": Decision(kind="costs", costs=((0.0, 1.0, 5.0), (2.0, 0.0, 1.0), (50.0, 50.0, 0.0))),
        "output_reference": FeatureReference(
            column="species", rows=72, missing=0, categories=SPECIES, counts=(30, 20, 22)
        ),
        "score_references": (scores,),
        "latency": (
            Latency(engine="onnx", rows=1, milliseconds=0.1),
            Latency(engine="skops", rows=1000, milliseconds=4.0),
        ),
        "budgets": Budgets(latency_ms=5.0, size_bytes=1_000_000),
        "conformal": Conformal(score="one_minus_probability", rows=72, quantiles=(Quantile(level=0.9, value=0.4),)),
        "background": Background(rows=20),
        "segments": ("island",),
        "card": Card(
            rows_trained=72,
            rows_held_out=18,
            period=(WHEN, WHEN),
            candidates=(CandidateScore(name="linear", estimator="LogisticRegression", score=0.9, deviation=0.01),),
            champion_before=2,
            gate="the candidate is better: 0.9 against 0.8",
            limits=("for adult birds only",),
        ),
    }
    return write_version(folder, pipeline, **(facts | changes))


def rewrite(folder: Path, **changes: Any) -> str:
    """Change a version's manifest, and return its new digest."""
    file = folder / MANIFEST_FILE
    file.write_text(json.dumps(json.loads(file.read_bytes()) | changes))
    return file_digest(file)


def write_slow(folder: Path, turns: int, *, name: str = "diabetes") -> str:
    """Write a regression whose twin answers what it is asked, after so many turns of some microseconds."""
    return write_version(
        folder,
        regressor(1.0),
        name=name,
        schema=NUMBERS,
        classes=(),
        onnx=HOLDS,
        twin=lambda file: write_loop(file, turns),
    )


def write_regressor(folder: Path, constant: float, *, name: str = "diabetes", **changes: Any) -> str:
    return write_version(folder, regressor(constant), name=name, schema=NUMBERS, classes=(), **changes)
