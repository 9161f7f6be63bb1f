"""A table of every kind of column as a matrix of codes, pipelines that are fitted on it, and versions of them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared import features
from mlyard_shared.features import Array
from mlyard_shared.manifest import Manifest, parse_manifest
from mlyard_shared.metrics import Task
from mlyard_shared.schema import Column, DateExpansion, InputForm, Schema
from mlyard_shared.snapshot import Snapshot
from mlyard_shared.spec import Candidate, ModelSpec
from mlyard_training_pipeline.candidates import estimators, preprocessing
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.data.holdout import HASHES, HashName
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation, TrainingRun
from mlyard_training_pipeline.versions import fitted as fitted_files
from mlyard_training_pipeline.versions import packaging
from mlyard_training_pipeline.versions.onnx.comparison import Rows
from mlyard_training_pipeline.versions.packaging import Training
from pyarrow import parquet
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
SITES = tuple("abcdefgh")
SCHEMA = Schema(
    columns=(
        Column(name="size", type="number", nullable=True),
        Column(name="count", type="integer", nullable=False),
        Column(name="arrived_ms", type="integer", nullable=False),
        Column(name="new", type="boolean", nullable=True),
        Column(name="colour", type="category", nullable=True, categories=("blue", "green", "red")),
        Column(name="seen", type="datetime", nullable=True),
        Column(name="site", type="category", nullable=False, categories=SITES, unseen="accept"),
    ),
    dates=(DateExpansion(column="seen", parts=("month", "days_since_epoch")),),
)


class Fitted(NamedTuple):
    """A fitted pipeline, rows that it was not fitted on, and the standard deviation of a regression's target."""

    pipeline: Any
    rows: Rows
    task: Task
    scale: float
    truth: Array


def make_columns(count: int) -> tuple[dict[str, Array], Array]:
    """Columns of every type with nulls, and an amount that depends on them."""
    draw = np.random.default_rng(7)
    size, colour = draw.normal(50, 20, count), draw.integers(0, 3, count)
    arrived = 1.7e12 + draw.integers(0, 10**9, count)
    columns: dict[str, Array] = {
        "size": size.copy(),
        "count": draw.integers(-30, 300, count).astype(np.float64),
        "arrived_ms": arrived,
        "new": (draw.random(count) < 0.5).astype(np.float64),
        "colour": np.array(["blue", "green", "red"], dtype=object)[colour],
        "seen": np.datetime64("2024-01-01", "us") + draw.integers(0, 10**13, count).astype("timedelta64[us]"),
        "site": np.array(SITES, dtype=object)[draw.integers(0, len(SITES), count)],
    }
    amount = size * 3 + (colour == 2) * 20 + (arrived - 1.7e12) / 1e7 + draw.normal(0, 5, count)
    for name, null in {"size": np.nan, "new": np.nan, "colour": None, "seen": np.datetime64("NaT", "us")}.items():
        columns[name][draw.random(count) < 0.1] = null
    return columns, amount


@pytest.fixture
def fitted() -> Callable[..., Fitted]:
    """Fit an estimator on 800 rows, and keep 400 others."""

    def fit(
        path: str, *, classes: int = 2, count: int = 1200, target_transform: Any = None, **parameters: Any
    ) -> Fitted:
        candidate = Candidate(name="a", estimator=path, parameters=parameters, target_transform=target_transform)
        form = InputForm(precision=estimators.precision(candidate))
        columns, amount = make_columns(count)
        matrix = features.matrix(columns, SCHEMA, form)
        task: Task = (
            "classification" if "Classifier" in path or path.rpartition(".")[2] in CLASSIFIERS else "regression"
        )
        cuts = np.quantile(amount, np.linspace(0, 1, classes + 1)[1:-1])
        target = np.digitize(amount, cuts) if task == "classification" else amount - amount.min() + 1000.0
        labels = tuple("xyz"[:classes]) if task == "classification" else ()
        pipeline = preprocessing.pipeline(candidate, SCHEMA, classes=labels, rows=count)
        with threadpool_limits(1):  # the machine of a test is busy, and threads that wait for each other are slower
            pipeline.fit(matrix[400:], target[400:])
        scale = 1.0 if task == "classification" else float(target.std())
        return Fitted(pipeline, Rows(SCHEMA, form, matrix[:400]), task, scale, target[:400])

    return fit


CLASSIFIERS = ("GaussianNB", "LinearDiscriminantAnalysis", "LinearSVC", "LogisticRegression", "SVC", "BernoulliNB")


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Dataset]:
    """Make the Dataset of columns of texts or values, as a spec means them."""

    def make(columns: dict[str, list[Any]], spec: ModelSpec, *, hash_name: HashName = "siphash24") -> Dataset:
        folder = tmp_path / f"dataset-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        parquet.write_table(pa.table(columns), folder / "snapshot.parquet")
        return dataset.store.make(folder / "snapshot.parquet", folder, spec, hash_name=hash_name)

    return make


@pytest.fixture
def packaged(
    made: Callable[..., Dataset],
    spec: Callable[..., ModelSpec],
    mixed: Callable[..., dict[str, list[Any]]],
    tmp_path: Path,
) -> Callable[..., tuple[Path, Manifest, Dataset]]:
    """The folder of a version, trained on the mixed table without a registry."""

    def package(
        path: str, columns: dict[str, list[Any]] | None = None, *, contract: Literal[1, 2] = 2, **parameters: Any
    ) -> tuple[Path, Manifest, Dataset]:
        chosen = spec(candidates=[{"name": "one", "estimator": path, "parameters": parameters}])
        data = made(mixed() | (columns or {}), chosen, hash_name=HASHES[contract])
        candidate, training = chosen.candidates[0], ~data.held_out
        pipeline = preprocessing.pipeline(candidate, data.schema, classes=data.classes, rows=int(training.sum()))
        with threadpool_limits(1):
            pipeline.fit(data.matrix(training, precision=estimators.precision(candidate)), data.target[training])
        form = InputForm(precision=estimators.precision(candidate))
        stored = tmp_path / "fitted"
        stored.mkdir(exist_ok=True)
        files = fitted_files.write(
            pipeline,
            stored,
            candidate,
            task=chosen.task,
            rows=lambda: packaging.rows_to_compare(data, form),
            scale=packaging.scale_of(chosen.task, data),
        )
        snapshot = Snapshot(sha256="0" * 64, run_id="2", rows=data.rows, taken_at=MOMENT)
        names = tuple(file.name for file in files)
        winner = CandidateRun(candidate="one", run_id="3", score=0.75, deviation=0.01, files=names)
        evaluation = Evaluation(
            winner=winner,
            score=0.7,
            champion_version=None,
            champion_score=None,
            not_comparable=None,
            holdout_rows=int(data.held_out.sum()),
            metrics={"accuracy": 0.7},
        )
        run = SimpleNamespace(
            data=SimpleNamespace(metrics={"cv_accuracy": 0.75}),
            info=SimpleNamespace(end_time=int(MOMENT.timestamp() * 1000)),
        )
        training_run = TrainingRun(model=chosen.name, run_id="1", snapshot=snapshot, contract=contract)
        folder = tmp_path / "version"
        packaging.build(folder, stored, Training(chosen, training_run, data, evaluation, run))
        return folder, parse_manifest((folder / "mlyard.json").read_bytes()), data

    return package
