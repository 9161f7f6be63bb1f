"""What an estimator, with its parameters, demands of a table: what its `fit` would refuse or run out of memory on."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.features import date_part
from mlyard_shared.schema import Column
from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.candidates import estimators, footprint, memory, quantiles
from mlyard_training_pipeline.candidates.encoding import Encoding
from mlyard_training_pipeline.data import advice
from mlyard_training_pipeline.data.dataset import Dataset

_MEMORY_SHARE = 0.8
"""How much of the memory a fit may plan with; Python and its libraries take the rest."""

_QUADRATIC = ("GaussianProcess", "KernelRidge", "LabelPropagation", "LabelSpreading")


class _Fit(NamedTuple):
    model: Any
    spec: ModelSpec
    dataset: Dataset
    encoding: Encoding

    @property
    def name(self) -> str:
        return type(self.model).__name__

    @property
    def rows(self) -> int:
        return int((self.dataset.training).sum())


def problems(model: Any, *, spec: ModelSpec, dataset: Dataset, encoding: Encoding) -> list[str]:
    """What stands between an unfitted estimator and this table, in one sentence each."""
    fit = _Fit(model, spec, dataset, encoding)
    return [problem for demand in _DEMANDS for problem in demand(fit)]


def _target(fit: _Fit) -> Iterator[str]:
    smallest = _smallest_target(fit.model) if fit.spec.task == "regression" else None
    if smallest is None:
        return
    target = fit.dataset.target
    least = float(target.min())
    if least < 0 or (smallest == "above 0" and least == 0):
        yield (
            f"{fit.name} needs a target that is {smallest} with these parameters, and the smallest {fit.spec.target!r} "
            f"is {least:g}: take such rows out, or choose another estimator or loss"
        )


def _smallest_target(model: Any) -> str | None:
    if hasattr(model, "_get_loss") and "_glm" in type(model).__module__:
        loss = model._get_loss()  # noqa: SLF001 - what its fit asks as well
        if loss.in_y_true_range(np.array([-1.0])):
            return None
        return "0 or more" if loss.in_y_true_range(np.array([0.0])) else "above 0"
    parameters = model.get_params(deep=False)
    if "poisson" in (parameters.get("loss"), parameters.get("criterion")):
        return "0 or more"
    return "above 0" if parameters.get("loss") == "gamma" else None


def _inputs(fit: _Fit) -> Iterator[str]:
    from sklearn.utils import get_tags

    if not get_tags(fit.model).input_tags.positive_only:
        return
    columns = [column for column in fit.dataset.schema.columns if column.type != "category"]
    if fit.name == "CategoricalNB":
        names = [column.name for column in columns if column.type != "boolean"]
        refused, lines = "numbers", [advice.as_type(name, "category") for name in names]
    else:
        names = [column.name for column in columns if _least(column, fit.dataset) < 0]
        refused, lines = "negative numbers", []
    if names:
        told = f"column{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"
        ways = [advice.leave_out(fit.spec, names), *([" and ".join(lines)] if lines else [])]
        yield (
            f"{fit.name} takes no {refused}, and there are some in {told}: say {', or '.join(ways)}, or choose "
            "another estimator, such as sklearn.naive_bayes.GaussianNB"
        )


def _least(column: Column, dataset: Dataset) -> float:
    """The smallest number that a column becomes."""
    plain = dataset.values(column).plain(column)
    if column.type != "datetime":
        return float(np.nanmin(plain))
    return min(float(np.nanmin(date_part(plain, part))) for part in dataset.schema.parts(column.name))


def _classes(fit: _Fit) -> Iterator[str]:
    if fit.spec.task != "classification":
        return
    count = len(fit.dataset.classes)
    parameters = fit.model.get_params(deep=False)
    if count > 2:
        two_only = {
            ("GradientBoostingClassifier", "loss", "exponential"),
            ("LogisticRegression", "solver", "liblinear"),
            ("LogisticRegressionCV", "solver", "liblinear"),
        }
        for name, key, value in two_only:
            if fit.name == name and parameters.get(key) == value:
                yield f'{key} = "{value}" is for two classes, and {fit.spec.target!r} has {count}: choose another'
        if parameters.get("monotonic_cst") is not None:
            yield f"monotonic_cst is for two classes, and {fit.spec.target!r} has {count}: leave it out"
    if fit.name == "CalibratedClassifierCV":
        inner = parameters["cv"] if isinstance(parameters["cv"], int) else 5
        training = fit.dataset.target[fit.dataset.training]
        rare = int(np.bincount(training, minlength=count).min())
        left = rare - -(-rare // fit.spec.folds)
        if left < inner:
            yield (
                f"CalibratedClassifierCV splits the rows of each class into {inner}, and a fold has {left} of the "
                f"rarest: say a smaller cv, or bring more rows"
            )


def _combinations(fit: _Fit) -> Iterator[str]:
    """Parameters that are right one by one, and that `fit` refuses together or for one target."""
    parameters = fit.model.get_params(deep=False)
    if fit.name in ("CCA", "PLSCanonical") and parameters["n_components"] > 1:
        yield f"{fit.name} finds one component for one target: say n_components = 1"
    try:
        if fit.name in ("LogisticRegression", "LogisticRegressionCV"):
            from sklearn.linear_model._logistic import _check_solver

            _check_solver(parameters["solver"], _penalty(parameters), parameters["dual"])
        elif fit.name == "LinearSVC" and parameters["dual"] != "auto":
            from sklearn.svm._base import _get_liblinear_solver_type

            kind = (parameters["multi_class"], parameters["penalty"], parameters["loss"], parameters["dual"])
            _get_liblinear_solver_type(*kind)
    except ValueError as error:
        yield str(error)


def _penalty(parameters: dict[str, Any]) -> str | None:
    """What a logistic regression makes of its ratio of penalties."""
    if parameters["penalty"] != "deprecated":
        return None if parameters["penalty"] is None else str(parameters["penalty"])
    ratios = parameters.get("l1_ratios", parameters.get("l1_ratio"))
    shares = {0.0} if ratios is None or isinstance(ratios, str) else set(np.ravel(ratios).tolist())
    return {frozenset({0.0}): "l2", frozenset({1.0}): "l1"}.get(frozenset(shares), "elasticnet")


def _neighbours(fit: _Fit) -> Iterator[str]:
    wanted = fit.model.get_params(deep=False).get("n_neighbors")
    left = fit.rows - -(-fit.rows // fit.spec.folds)
    if isinstance(wanted, int) and wanted > left:
        yield f"n_neighbors = {wanted} is more than the {left} rows that a fold trains on: say less"


def _quantile(fit: _Fit) -> Iterator[str]:
    return quantiles.problems(fit.model, fit.spec)


def _memory(fit: _Fit) -> Iterator[str]:
    allowed = int(memory.limit() * _MEMORY_SHARE)
    width, rows = fit.encoding.width, fit.dataset.rows
    there, pairs = footprint.told(allowed), rows * rows * 8
    if fit.name.startswith(_QUADRATIC) and pairs > allowed:
        yield (
            f"{fit.name} compares every row with every other, which takes {footprint.told(pairs)} for {rows} rows, "
            f"and there are {there}: choose another estimator"
        )
    needed = footprint.of_fit(
        fit.model, fit.encoding, rows=fit.rows, folds=fit.spec.folds, classes=len(fit.dataset.classes)
    )
    if needed <= allowed:
        return
    text = f"{fit.name} needs about {footprint.told(needed)} for {fit.rows} rows to train on and a matrix of {width} "
    text += f"columns, and there are {there}: bring fewer rows, or more memory"
    if fit.encoding.categories:
        text += f"; or {', or '.join(_narrower(fit))}"
    yield text


def _narrower(fit: _Fit) -> Iterator[str]:
    """Ways to a narrower matrix."""
    columns = [column for column in fit.dataset.schema.columns if column.type == "category"]
    largest = max(columns, key=lambda column: len(column.categories))
    if any(block.part == "one_hot" for block in fit.encoding.blocks):
        yield f"say {advice.line('features.encoding', 'target', column=largest.name)}"
    yield f"say {advice.leave_out(fit.spec, [largest.name])}, which is {len(largest.categories)} levels"
    if not estimators.takes_sparse(fit.model):
        yield f"choose an estimator that takes a sparse matrix, such as {_SPARSE[fit.spec.task]}"


_SPARSE = {
    "classification": "sklearn.linear_model.LogisticRegression",
    "regression": "sklearn.linear_model.Ridge",
}
_DEMANDS: tuple[Callable[[_Fit], Iterator[str]], ...] = (
    _target,
    _inputs,
    _classes,
    _combinations,
    _neighbours,
    _quantile,
    _memory,
)
