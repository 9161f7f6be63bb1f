"""A candidate's estimator: found by its import path, its parameters checked, and the preprocessing before it."""

from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
from mlyard_shared.errors import SpecError
from mlyard_shared.features import MISSING
from mlyard_shared.metrics import Task
from mlyard_shared.schema import Schema
from mlyard_shared.spec import Candidate, ModelSpec

SEED = 20_260_101
"""Every random state: a training that is run again gives the same model."""

_UNSCALED = ("sklearn.dummy", "sklearn.ensemble", "sklearn.naive_bayes", "sklearn.tree")


def check_candidates(spec: ModelSpec, file: str) -> None:
    """Try every candidate's estimator and every value of its grid, without fitting.

    Raises:
        SpecError: each candidate and parameter that is wrong.
    """
    problems = [
        f"candidates.{candidate.name}: {problem}"
        for candidate in spec.candidates
        for problem in _problems(candidate, spec)
    ]
    if problems:
        raise SpecError(file, tuple(problems))


def estimator(candidate: Candidate) -> Any:
    """A candidate's estimator with its fixed parameters, and a fixed random state where it takes one."""
    made = _estimator_class(candidate.estimator)(**candidate.parameters)
    if "random_state" in made.get_params(deep=False) and "random_state" not in candidate.parameters:
        made.set_params(random_state=SEED)
    return made


def pipeline(candidate: Candidate, schema: Schema) -> Any:
    """The unfitted pipeline, over `features.matrix` by column position; it holds classes of scikit-learn only.

    Numbers: the median for nulls and a unit variance where the estimator profits; HistGradientBoosting takes them as
    they are. Categories: one column for each, `MISSING` is one where the column is nullable, and others become zeros.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    model = estimator(candidate)
    numbers, categories, nullable = _positions(schema)
    transformers: list[Any] = []
    if numbers:
        transformers.append(("numbers", _numbers(model, mixed=bool(categories), nullable=nullable), numbers))
    if categories:
        known = [np.array(texts, dtype=object) for texts in categories.values()]
        encoder = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)
        transformers.append(("categories", encoder, list(categories)))
    return Pipeline([("inputs", ColumnTransformer(transformers)), ("model", model)])


def _numbers(model: Any, *, mixed: bool, nullable: bool) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    if type(model).__name__.startswith("HistGradientBoosting"):
        return "passthrough"
    steps: list[Any] = []
    if nullable or mixed:
        # It also turns the numbers of a mixed table, which arrive as objects, into float64.
        steps.append(("median", SimpleImputer(strategy="median", keep_empty_features=True)))
    if not type(model).__module__.startswith(_UNSCALED):
        steps.append(("scale", StandardScaler()))
    return Pipeline(steps) if steps else "passthrough"


def _positions(schema: Schema) -> tuple[list[int], dict[int, tuple[str, ...]], bool]:
    """Where the numbers are, where the categories are and which there are, and whether a number may be null."""
    numbers: list[int] = []
    categories: dict[int, tuple[str, ...]] = {}
    position = 0
    for column in schema.columns:
        width = len(schema.parts(column.name)) if column.type == "datetime" else 1
        if column.type == "category":
            categories[position] = tuple(sorted({*column.categories, *([MISSING] if column.nullable else [])}))
        else:
            numbers += range(position, position + width)
        position += width
    nullable = any(column.nullable for column in schema.columns if column.type != "category")
    return numbers, categories, nullable


def _estimator_class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def _problems(candidate: Candidate, spec: ModelSpec) -> list[str]:
    try:
        made = _estimator_class(candidate.estimator)
    except (ImportError, AttributeError):
        return [f"estimator: there is no {candidate.estimator} in the installed scikit-learn"]
    if not _is_for(made, spec.task):
        return [f"estimator: {candidate.estimator} is no estimator for {spec.task}"]
    known = made().get_params() if not _required(made) else {}
    if _required(made):
        return [f"estimator: {candidate.estimator} needs {', '.join(_required(made))}, which a spec cannot give"]
    wrong = _unknown(candidate, known)
    return wrong or _values(candidate) or _probabilities(candidate, spec)


def _unknown(candidate: Candidate, known: dict[str, Any]) -> list[str]:
    import difflib

    problems = []
    for key, names in (("parameters", candidate.parameters), ("grid", candidate.grid)):
        for name in names:
            if name.partition("__")[0] not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(known))}"
                problems.append(f"{key}.{name}: {candidate.estimator} has no such parameter; {hint}")
    return problems


def _values(candidate: Candidate) -> list[str]:
    problems: list[str] = []
    for name, choices in {**{k: [v] for k, v in candidate.parameters.items()}, **candidate.grid}.items():
        key = "grid" if name in candidate.grid else "parameters"
        for value in choices:
            try:
                made = _estimator_class(candidate.estimator)().set_params(**{name: value})
                made._validate_params()  # noqa: SLF001 - scikit-learn's own check, which it runs only in fit
            except (ValueError, TypeError) as error:
                problems.append(f"{key}.{name}: {error}")
    return problems


def _probabilities(candidate: Candidate, spec: ModelSpec) -> list[str]:
    if spec.metric not in ("roc_auc", "log_loss"):
        return []
    for values in product(*candidate.grid.values()):
        made = estimator(candidate).set_params(**dict(zip(candidate.grid, values, strict=True)))
        if not hasattr(made, "predict_proba"):
            return [f"estimator: {candidate.estimator} gives no probabilities here, which {spec.metric} needs"]
    return []


def _required(made: Any) -> list[str]:
    from inspect import Parameter, signature

    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return [p.name for p in signature(made).parameters.values() if p.kind in kinds and p.default is Parameter.empty]


def _is_for(made: Any, task: Task) -> bool:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    mixin = ClassifierMixin if task == "classification" else RegressorMixin
    return isinstance(made, type) and issubclass(made, BaseEstimator) and issubclass(made, mixin)
