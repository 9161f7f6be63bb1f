"""Which of the estimators that people use most have an ONNX twin, what it takes to make, and how large it is.

    PYTHON tests/benchmarks/twins.py [ROWS]

PYTHON is that of the environment `training-pipeline`. Each estimator is fitted with its defaults on ROWS rows (5 000)
of a table of every kind of column; its twin is made and compared as `register` does it. `make` is processor time, the
comparison and its own process included; `one row` is the time of a prediction by the twin, and by scikit-learn.
"""

import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from mlyard_shared import features
from mlyard_shared.features import Array
from mlyard_shared.metrics import Task
from mlyard_shared.schema import Column, InputForm, Schema
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates import estimators, preprocessing
from mlyard_training_pipeline.versions import skops_file
from mlyard_training_pipeline.versions.onnx.comparison import Rows, make_twin

CLASSIFIERS: list[tuple[str, dict[str, Any]]] = [
    ("linear_model.LogisticRegression", {}),
    ("ensemble.RandomForestClassifier", {}),
    ("ensemble.ExtraTreesClassifier", {}),
    ("ensemble.GradientBoostingClassifier", {}),
    ("ensemble.HistGradientBoostingClassifier", {}),
    ("ensemble.AdaBoostClassifier", {}),
    ("ensemble.BaggingClassifier", {}),
    ("tree.DecisionTreeClassifier", {}),
    ("svm.SVC", {}),
    ("svm.SVC", {"probability": True}),
    ("neighbors.KNeighborsClassifier", {}),
    ("neural_network.MLPClassifier", {"max_iter": 50}),
    ("naive_bayes.GaussianNB", {}),
    ("discriminant_analysis.LinearDiscriminantAnalysis", {}),
    ("calibration.CalibratedClassifierCV", {}),
    ("linear_model.SGDClassifier", {"loss": "log_loss"}),
]
REGRESSORS: list[tuple[str, dict[str, Any]]] = [
    ("linear_model.LinearRegression", {}),
    ("linear_model.Ridge", {}),
    ("linear_model.Lasso", {}),
    ("linear_model.ElasticNet", {}),
    ("linear_model.PoissonRegressor", {}),
    ("ensemble.RandomForestRegressor", {}),
    ("ensemble.ExtraTreesRegressor", {}),
    ("ensemble.GradientBoostingRegressor", {}),
    ("ensemble.HistGradientBoostingRegressor", {}),
    ("tree.DecisionTreeRegressor", {}),
    ("svm.SVR", {}),
    ("neighbors.KNeighborsRegressor", {}),
    ("neural_network.MLPRegressor", {"max_iter": 50}),
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
    """The columns, two classes, and numbers above 0."""

    columns: dict[str, Array]
    kinds: Array
    amounts: Array


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
    return Table(columns, (amounts > np.median(amounts)).astype(np.int64), amounts - amounts.min() + 1)


def measure(table: Table, path: str, parameters: dict[str, Any], task: Task) -> str:
    """A line of the report."""
    candidate = Candidate(name="one", estimator=f"sklearn.{path}", parameters=parameters)
    form = InputForm(precision=estimators.precision(candidate))
    matrix = features.matrix(table.columns, SCHEMA, form)
    target = table.kinds if task == "classification" else table.amounts
    held_out = np.arange(len(target)) % 5 == 0
    classes = ("no", "yes") if task == "classification" else ()
    pipeline = preprocessing.pipeline(candidate, SCHEMA, classes=classes, rows=len(target))
    pipeline.fit(matrix[~held_out], target[~held_out])
    with tempfile.TemporaryDirectory() as name:
        model, twin = Path(name, "model.skops"), Path(name, "model.onnx")
        skops_file.write(pipeline, model)
        before = _processor_time()
        scale = float(target.std()) if task == "regression" else 1.0
        found = make_twin(model, twin, pipeline, Rows(SCHEMA, form, matrix[held_out]), task=task, scale=scale)
        taken = _processor_time() - before
        told = path.rpartition(".")[2] + "".join(f" {key}={value}" for key, value in parameters.items())
        if found.refused or found.parity is None:
            return f"| {told} | no: {found.refused} | {taken:.1f} s | | | | |"
        single, double = _one_row(twin, matrix), _median(lambda: pipeline.predict(matrix[:1]))
        sizes = [f"{file.stat().st_size / 1024**2:.2f}" for file in (twin, model)]
        return (
            f"| {told} | yes, {found.parity.max_difference:.0e} over {found.parity.rows} rows | {taken:.1f} s "
            f"| {sizes[0]} MiB | {sizes[1]} MiB | {single * 1e6:.0f} us | {double * 1e6:.0f} us |"
        )


def report(rows: int) -> Iterator[str]:
    """The lines of the report."""
    table = make_table(rows)
    yield "| estimator | twin | make | twin's size | skops' size | one row | by scikit-learn |"
    yield "|---|---|---|---|---|---|---|"
    kinds: list[tuple[Task, list[tuple[str, dict[str, Any]]]]]
    kinds = [("classification", CLASSIFIERS), ("regression", REGRESSORS)]
    for task, cases in kinds:
        for path, parameters in cases:
            yield measure(table, path, parameters, task)


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
    for line in report(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000):
        print(line, flush=True)
