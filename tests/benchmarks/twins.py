"""Which of the estimators that people use most have an ONNX twin, what it takes to make, and how large it is.

    PYTHON tests/benchmarks/twins.py [ROWS] [WORD]

PYTHON is that of the environment `training-pipeline`. With a WORD only estimators with it in their paths are measured,
such as `lightgbm`. Each is fitted with its defaults on ROWS rows (5 000) of a table of every kind of column; its twin
is made and compared as `train` and `register` do it. `make` is processor time, the comparison and its own process
included; `one row` is the time of a prediction by the twin, and by the library that fitted it.
"""

import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import onnxruntime
from mlyard_shared import features
from mlyard_shared.features import Array
from mlyard_shared.metrics import Task
from mlyard_shared.schema import Column, InputForm, Schema
from mlyard_shared.spec import Candidate, Features
from mlyard_training_pipeline.candidates import estimators, preprocessing
from mlyard_training_pipeline.versions import skops_file
from mlyard_training_pipeline.versions.onnx.comparison import Rows, make_twin


class Case(NamedTuple):
    """An estimator to measure. `classes` is 0 for a regression; `encoding` is what becomes of categories."""

    path: str
    parameters: dict[str, Any]
    classes: int = 2
    encoding: Literal["native", "one_hot"] | None = None


LINE = {"estimator": "sklearn.linear_model.LogisticRegression"}
FOREST = {"estimator": "sklearn.ensemble.RandomForestClassifier"}
LEAVES = {"estimator": "lightgbm.LGBMClassifier"}
CLASSIFIERS = [
    Case("sklearn.linear_model.LogisticRegression", {}),
    Case("sklearn.ensemble.RandomForestClassifier", {}),
    Case("sklearn.ensemble.ExtraTreesClassifier", {}),
    Case("sklearn.ensemble.GradientBoostingClassifier", {}),
    Case("sklearn.ensemble.HistGradientBoostingClassifier", {}),
    Case("sklearn.ensemble.AdaBoostClassifier", {}),
    Case("sklearn.ensemble.BaggingClassifier", {}),
    Case("sklearn.tree.DecisionTreeClassifier", {}),
    Case("sklearn.svm.SVC", {}),
    Case("sklearn.svm.SVC", {"probability": True}),
    Case("sklearn.neighbors.KNeighborsClassifier", {}),
    Case("sklearn.neural_network.MLPClassifier", {"max_iter": 50}),
    Case("sklearn.naive_bayes.GaussianNB", {}),
    Case("sklearn.discriminant_analysis.LinearDiscriminantAnalysis", {}),
    Case("sklearn.calibration.CalibratedClassifierCV", {}),
    Case("sklearn.linear_model.SGDClassifier", {"loss": "log_loss"}),
]
REGRESSORS = [
    Case("sklearn.linear_model.LinearRegression", {}, 0),
    Case("sklearn.linear_model.Ridge", {}, 0),
    Case("sklearn.linear_model.Lasso", {}, 0),
    Case("sklearn.linear_model.ElasticNet", {}, 0),
    Case("sklearn.linear_model.PoissonRegressor", {}, 0),
    Case("sklearn.ensemble.RandomForestRegressor", {}, 0),
    Case("sklearn.ensemble.ExtraTreesRegressor", {}, 0),
    Case("sklearn.ensemble.GradientBoostingRegressor", {}, 0),
    Case("sklearn.ensemble.HistGradientBoostingRegressor", {}, 0),
    Case("sklearn.tree.DecisionTreeRegressor", {}, 0),
    Case("sklearn.svm.SVR", {}, 0),
    Case("sklearn.neighbors.KNeighborsRegressor", {}, 0),
    Case("sklearn.neural_network.MLPRegressor", {"max_iter": 50}, 0),
]
BOOSTERS = [
    Case(path.format("Regressor" if classes == 0 else "Classifier"), {}, classes, encoding)
    for path in ("lightgbm.LGBM{}", "xgboost.XGB{}", "sklearn.ensemble.HistGradientBoosting{}")
    for classes in (2, 3, 0)
    for encoding in ("native", "one_hot")
]
COMPOSITES = [
    Case("sklearn.ensemble.StackingClassifier", {"estimators": {"trees": FOREST, "line": LINE}}),
    Case("sklearn.ensemble.StackingClassifier", {"estimators": {"leaves": LEAVES, "line": LINE}}, 3),
    Case("sklearn.ensemble.VotingClassifier", {"estimators": {"trees": FOREST, "line": LINE}, "voting": "soft"}),
    Case("sklearn.calibration.CalibratedClassifierCV", {"estimator": LEAVES}),
    Case("sklearn.calibration.CalibratedClassifierCV", {"estimator": FOREST}, 3),
    Case("sklearn.ensemble.BaggingClassifier", {"estimator": LINE}),
]
SCHEMA = Schema(
    columns=(
        Column(name="size", type="number", nullable=True),
        Column(name="count", type="integer", nullable=False),
        Column(name="price", type="number", nullable=False),
        Column(name="arrived_ms", type="integer", nullable=False),
        Column(name="new", type="boolean", nullable=True),
        Column(name="colour", type="category", nullable=True, categories=("blue", "green", "red")),
        Column(name="site", type="category", nullable=False, categories=tuple("abcdefgh")),
    )
)


class Table(NamedTuple):
    """The columns, and numbers above 0, of which classes are made."""

    columns: dict[str, Array]
    amounts: Array

    def target(self, classes: int) -> Array:
        """So many classes of the same size, or the numbers themselves."""
        if not classes:
            return self.amounts
        return np.digitize(self.amounts, np.quantile(self.amounts, np.linspace(0, 1, classes + 1)[1:-1]))


def make_table(rows: int) -> Table:
    """Draw a table whose targets depend on its columns."""
    draw = np.random.default_rng(1)
    size, colour = draw.normal(50, 20, rows), draw.integers(0, 3, rows)
    count, price = draw.integers(0, 100, rows).astype(np.float64), draw.lognormal(3, 1, rows)
    amounts = size * 3 + (colour == 2) * 20 + np.log(price) * count / 10 + draw.normal(0, 20, rows)
    size[draw.random(rows) < 0.1] = np.nan
    columns: dict[str, Array] = {
        "size": size,
        "count": count,
        "price": price,
        "arrived_ms": 1.7e12 + draw.integers(0, 10**10, rows),
        "new": (draw.random(rows) < 0.5).astype(np.float64),
        "colour": np.array(["blue", "green", "red"], dtype=object)[colour],
        "site": np.array(list("abcdefgh"), dtype=object)[draw.integers(0, 8, rows)],
    }
    return Table(columns, amounts - amounts.min() + 1)


def measure(table: Table, case: Case) -> str:
    """A line of the report."""
    candidate = Candidate(name="one", estimator=case.path, parameters=case.parameters)
    form = InputForm(precision=estimators.precision(candidate))
    matrix = features.matrix(table.columns, SCHEMA, form)
    task: Task = "classification" if case.classes else "regression"
    target = table.target(case.classes)
    held_out = np.arange(len(target)) % 5 == 0
    classes = tuple("xyz"[: case.classes])
    said = Features(encoding=dict.fromkeys(("colour", "site"), case.encoding)) if case.encoding else Features()
    pipeline = preprocessing.pipeline(candidate, SCHEMA, classes=classes, rows=len(target), features=said)
    pipeline.fit(matrix[~held_out], target[~held_out])
    with tempfile.TemporaryDirectory() as name:
        model, twin = Path(name, "model.skops"), Path(name, "model.onnx")
        whole = not any(package in str(case) for package in ("lightgbm", "xgboost"))
        if whole:
            skops_file.write(pipeline, model)
        before = _processor_time()
        scale = float(target.std()) if task == "regression" else 1.0
        rows = Rows(SCHEMA, form, matrix[held_out])
        found = make_twin(model if whole else None, twin, pipeline, rows, task=task, scale=scale)
        taken = _processor_time() - before
        if found.refused or found.parity is None:
            return f"| {_told(case)} | no: {found.refused} | {taken:.1f} s | | | | |"
        single, double = _one_row(twin, matrix), _median(lambda: pipeline.predict(matrix[:1]))
        sizes = [f"{file.stat().st_size / 1024**2:.2f} MiB" if file.exists() else "none" for file in (twin, model)]
        return (
            f"| {_told(case)} | yes, {found.parity.max_difference:.0e} over {found.parity.rows} rows | {taken:.1f} s "
            f"| {sizes[0]} | {sizes[1]} | {single * 1e6:.0f} us | {double * 1e6:.0f} us |"
        )


def _told(case: Case) -> str:
    """An estimator, what it wraps or is given, and what it answers."""
    given = [
        inner["estimator"].rpartition(".")[2] if isinstance(inner, dict) else f"{key}={inner}"
        for key, value in case.parameters.items()
        for inner in (value.values() if key == "estimators" else [value])
    ]
    kind = f"{case.classes} classes" if case.classes else "numbers"
    categories = f", categories {case.encoding}" if case.encoding else ""
    return f"{case.path.rpartition('.')[2]}{' of ' if given else ''}{', '.join(given)}: {kind}{categories}"


def report(rows: int, word: str) -> Iterator[str]:
    """The lines of the report."""
    table = make_table(rows)
    yield "| estimator | twin | make | twin's size | skops' size | one row | by its library |"
    yield "|---|---|---|---|---|---|---|"
    for case in (*CLASSIFIERS, *REGRESSORS, *BOOSTERS, *COMPOSITES):
        if word in str(case):
            yield measure(table, case)


def _processor_time() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _one_row(twin: Path, matrix: Array) -> float:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(twin), options, providers=["CPUExecutionProvider"])
    return _median(lambda: session.run(None, {"inputs": matrix[:1]}))


def _median(call: Callable[[], Any]) -> float:
    taken = []
    for _ in range(20):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of networks that have not converged
    count, wanted = ([*sys.argv[1:], *("5000", "")[len(sys.argv) - 1 :]])[:2]
    for line in report(int(count), wanted):
        print(line, flush=True)
