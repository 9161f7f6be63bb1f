"""What is wrong with a spec's candidates and folds, found without a fit and without the registry."""

import difflib
from collections.abc import Iterator
from inspect import Parameter, signature
from itertools import islice, product
from typing import Any

from mlyard_shared.metrics import Task
from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import demands, estimators, folds, parameters, scoring
from mlyard_training_pipeline.candidates.encoding import Encoding
from mlyard_training_pipeline.data.dataset import Dataset

_SETTINGS = 200
"""How many settings of a grid are looked at for what they need together."""


def problems(spec: ModelSpec, dataset: Dataset) -> list[str]:
    """Every problem that can be known before a fit: one sentence each, with the key of the spec and the way out."""
    found = [
        f"candidates.{candidate.name}: {problem}"
        for candidate in spec.candidates
        for problem in _of_candidate(candidate, spec, dataset)
    ]
    return list(dict.fromkeys(found)) + folds.problems(spec, dataset)


def spec_problems(spec: ModelSpec) -> list[str]:
    """The problems of the candidates that are there whatever the table is."""
    found = []
    for candidate in spec.candidates:
        kind, wrong = _class_of(candidate, spec.task)
        wrong = wrong or _unknown(candidate, kind().get_params())
        found += [f"candidates.{candidate.name}: {problem}" for problem in wrong]
    return list(dict.fromkeys(found))


def _of_candidate(candidate: Candidate, spec: ModelSpec, dataset: Dataset) -> list[str]:
    kind, unusable = _class_of(candidate, spec.task)
    if unusable:
        return unusable
    encoding = Encoding(dataset.schema)
    wrong = _unknown(candidate, kind().get_params()) or _values(candidate, kind, encoding, dataset)
    if wrong:
        return wrong
    found: list[str] = []
    for made in _settings(candidate, encoding, dataset):
        if spec.metric in scoring.NEED_PROBABILITIES and not hasattr(made, "predict_proba"):
            found.append(f"estimator: {candidate.estimator} gives no probabilities here, which {spec.metric} needs")
        found += demands.problems(made, spec=spec, dataset=dataset, encoding=encoding)
    return found


def _class_of(candidate: Candidate, task: Task) -> tuple[Any, list[str]]:
    """The estimator's class, and why it is not one to train."""
    try:
        kind = estimators.estimator_class(candidate.estimator)
    except (ImportError, AttributeError):
        hint = _nearest(candidate)
        return None, [f"estimator: there is no {candidate.estimator} in the installed scikit-learn{hint}"]
    problem = _unusable(kind, candidate.estimator, task)
    return kind, [f"estimator: {problem}"] if problem else []


def _settings(candidate: Candidate, encoding: Encoding, dataset: Dataset) -> Iterator[Any]:
    """The estimator with each setting of its grid."""
    names = list(candidate.grid)
    values = [
        [parameters.resolve(name, value, encoding=encoding, classes=dataset.classes) for value in candidate.grid[name]]
        for name in names
    ]
    for setting in islice(product(*values), _SETTINGS):
        made = estimators.estimator(candidate, encoding, dataset.classes)
        yield made.set_params(**dict(zip(names, setting, strict=True)))


def _nearest(candidate: Candidate) -> str:
    from importlib import import_module

    module, _, name = candidate.estimator.rpartition(".")
    try:
        known = vars(import_module(module))
    except ImportError:
        return ""
    close = difflib.get_close_matches(name, [other for other in known if other[:1].isupper()], n=1)
    return f"; did you mean {module}.{close[0]}?" if close else ""


def _unusable(kind: Any, path: str, task: Task) -> str | None:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import get_tags

    mixin = ClassifierMixin if task == "classification" else RegressorMixin
    if not (isinstance(kind, type) and issubclass(kind, BaseEstimator) and issubclass(kind, mixin)):
        return f"{path} is not an estimator for {task}"
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    required = [p.name for p in signature(kind).parameters.values() if p.kind in kinds and p.default is Parameter.empty]
    if required:
        return f"{path} needs {', '.join(required)}, which a spec cannot give"
    try:
        tags = get_tags(kind())
    except AttributeError:  # of a wrapper around an estimator that it was not given
        return f"{path} wraps another estimator, which a spec cannot give"
    if not tags.target_tags.single_output:
        return f"{path} predicts several targets at once, and a spec has one"
    if not tags.input_tags.two_d_array:
        return f"{path} takes one number for each row, and not a table"
    return None


def _unknown(candidate: Candidate, known: dict[str, Any]) -> list[str]:
    found = []
    for key, names in (("parameters", candidate.parameters), ("grid", candidate.grid)):
        for name in names:
            if name in known or known.get(name.partition("__")[0]) is not None:
                continue
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(known))}"
            found.append(f"{key}.{name}: {candidate.estimator} has no such parameter; {hint}")
    return found


def _values(candidate: Candidate, kind: Any, encoding: Encoding, dataset: Dataset) -> list[str]:
    found: list[str] = []
    given = {("parameters", name): [value] for name, value in candidate.parameters.items()}
    given |= {("grid", name): values for name, values in candidate.grid.items()}
    for (key, name), values in given.items():
        for value in values:
            try:
                resolved = parameters.resolve(name, value, encoding=encoding, classes=dataset.classes)
                kind().set_params(**{name: resolved})._validate_params()  # noqa: SLF001 - what fit begins with
            except (ValueError, TypeError, AttributeError) as error:
                found.append(f"{key}.{name}: {str(error).splitlines()[0]}")
    return found
