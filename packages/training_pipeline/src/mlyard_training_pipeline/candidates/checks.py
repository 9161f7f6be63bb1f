"""What is wrong with a spec's candidates and folds, found without a fit and without the registry."""

import difflib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import (
    categories,
    deciding,
    demands,
    estimators,
    folds,
    jobs,
    kinds,
    nesting,
    parameters,
    preprocessing,
    scoring,
    targets,
)
from mlyard_training_pipeline.candidates.encoding import Encoding
from mlyard_training_pipeline.candidates.search import settings
from mlyard_training_pipeline.data.dataset import Dataset

_SETTINGS = 200
"""How many settings of a grid are looked at for what they need together."""


def problems(spec: ModelSpec, dataset: Dataset, *, trusted: Sequence[str] = ()) -> list[str]:
    """Every problem that can be known before a fit: one sentence each, with the key of the spec and the way out.

    Args:
        spec: of the model.
        dataset: its table.
        trusted: the packages of users' own estimators that the settings name.
    """
    found = [
        f"candidates.{candidate.name}: {problem}"
        for candidate in spec.candidates
        for problem in _of_candidate(candidate, spec, dataset, trusted)
    ]
    wrong = scoring.problems(spec, dataset.classes, dataset.target) + deciding.problems(spec, dataset.classes)
    return list(dict.fromkeys(found)) + (wrong or folds.problems(spec, dataset))


def spec_problems(spec: ModelSpec, *, trusted: Sequence[str] = ()) -> list[str]:
    """The problems of the candidates that are there whatever the table is."""
    found = []
    for candidate in spec.candidates:
        wrong = kinds.problems(candidate, spec.task, trusted)
        wrong = wrong or _unknown(candidate)
        found += [f"candidates.{candidate.name}: {problem}" for problem in wrong]
    return list(dict.fromkeys(found))


def _of_candidate(candidate: Candidate, spec: ModelSpec, dataset: Dataset, trusted: Sequence[str]) -> list[str]:
    wrong = kinds.problems(candidate, spec.task, trusted) or _unknown(candidate)
    if candidate.search == "optuna" and find_spec("optuna") is None:
        wrong.append(
            "search: optuna is not installed: install mlyard-training-pipeline[optuna], or build the image with "
            '--build-arg EXTRAS="optuna"'
        )
    if not wrong and spec.task == "regression":
        wrong = [told] if (told := targets.problem(candidate, dataset.target, spec.target)) else []
    if wrong:
        return wrong
    encoding = preprocessing.encoding_of(candidate, dataset.schema, features=spec.features, classes=dataset.classes)
    if wrong := _values(candidate, encoding, dataset):
        return wrong
    found = categories.problems(dataset.schema, spec.features, candidate, estimators.prototype(candidate))
    for made in _settings(candidate, encoding, dataset):
        need = "decision" if spec.decision.is_given else None
        need = spec.metric if spec.metric in scoring.NEED_PROBABILITIES else need
        if need and not hasattr(made, "predict_proba"):
            found.append(f"estimator: {candidate.estimator} gives no probabilities here, which {need} needs")
        if spec.weight is not None and not estimators.takes_weights(made):
            found.append(
                f"estimator: {candidate.estimator} takes no weights of rows: choose another, or leave weight out"
            )
        found += demands.problems(made, spec=spec, dataset=dataset, encoding=encoding)
    return found


def _settings(candidate: Candidate, encoding: Encoding, dataset: Dataset) -> Iterator[Any]:
    """The estimator with each of its settings; of Optuna's, with some that it might try."""
    for setting in settings.settings_of(candidate)[:_SETTINGS]:
        resolved = {
            name: parameters.resolve(name, value, encoding=encoding, classes=dataset.classes)
            for name, value in setting.items()
        }
        made = estimators.estimator(candidate, encoding, dataset.classes)
        yield estimators.single(made).set_params(**resolved)


def _unknown(candidate: Candidate) -> list[str]:
    found = []
    grid, ranges = (kinds.Level(key, candidate.estimator, candidate.parameters) for key in ("grid", "ranges"))
    named = [(grid, list(candidate.grid)), (ranges, list(candidate.ranges))]
    named += [(level, list(level.given)) for level in kinds.levels(candidate)]
    for level, names in named:
        known = kinds.parameters_of(level)
        for name in names:
            if name in known or known.get(name.partition("__")[0]) is not None:
                continue
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(known))}"
            found.append(f"{level.key}.{name}: {level.path} has no such parameter; {hint}")
    for level in kinds.levels(candidate):
        tried = candidate.grid if level.key == "parameters" else {}
        found += [f"{level.key}.{problem}" for problem in kinds.without_twin(level, tried)]
    return found


def _values(candidate: Candidate, encoding: Encoding, dataset: Dataset) -> list[str]:
    found: list[str] = []
    grid, ranges = (kinds.Level(key, candidate.estimator, candidate.parameters) for key in ("grid", "ranges"))
    given = [(grid, name, value) for name, values in candidate.grid.items() for value in values]
    given += [(ranges, name, end) for name, limits in candidate.ranges.items() for end in (limits.low, limits.high)]
    given += [(level, name, value) for level in kinds.levels(candidate) for name, value in level.given.items()]
    for level, name, value in given:
        if nesting.is_nested(value) or nesting.is_named(name, value):
            continue
        if jobs.is_named_so(name) and not isinstance(value, int):
            found.append(f"{level.key}.{name}: {value!r} is not a number of threads: give a whole number")
            continue
        try:
            resolved = parameters.resolve(name, value, encoding=encoding, classes=dataset.classes)
            made = estimators.blank(level.path, level.given).set_params(**{name: resolved})
            if hasattr(made, "_parameter_constraints"):
                made._validate_params()  # noqa: SLF001 - what fit begins with
        except (ValueError, TypeError, AttributeError) as error:
            found.append(f"{level.key}.{name}: {str(error).splitlines()[0]}")
    return found
