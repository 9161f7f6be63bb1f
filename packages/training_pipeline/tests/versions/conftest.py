"""A table of every kind of column as a matrix of codes, and pipelines that are fitted on it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from mlyard_shared import features
from mlyard_shared.features import Array
from mlyard_shared.metrics import Task
from mlyard_shared.schema import Column, DateExpansion, InputForm, Schema
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates import estimators, preprocessing
from mlyard_training_pipeline.versions.onnx.comparison import Rows
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

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
    for name, null in {"size": np.nan, "new": np.nan, "colour": None, "seen": np.datetime64("NaT")}.items():
        columns[name][draw.random(count) < 0.1] = null
    return columns, amount


@pytest.fixture
def fitted() -> Callable[..., Fitted]:
    """Fit an estimator on 800 rows, and keep 400 others."""

    def fit(path: str, *, classes: int = 2, count: int = 1200, **parameters: Any) -> Fitted:
        candidate = Candidate(name="a", estimator=path, parameters=parameters)
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
        return Fitted(pipeline, Rows(SCHEMA, form, matrix[:400]), task, scale)

    return fit


CLASSIFIERS = ("GaussianNB", "LinearDiscriminantAnalysis", "LinearSVC", "LogisticRegression", "SVC", "BernoulliNB")
