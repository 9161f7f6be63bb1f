"""A candidate's estimator: found by its import path, and made with its parameters and those that it wraps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from inspect import Parameter, signature
from typing import Any, Literal

from mlyard_shared.spec import Candidate

from mlyard_training_pipeline.candidates import nesting, origins, parameters, targets
from mlyard_training_pipeline.candidates.encoding import Encoding
from mlyard_training_pipeline.data.dataset import Class

SEED = 20_260_101
"""Every random state: a training that is run again gives the same model."""

_ROUNDING = ("sklearn.ensemble", "sklearn.tree", "xgboost")
_NOT_ROUNDING = "sklearn.ensemble._hist_gradient_boosting"
_TREES = ("sklearn.dummy", "sklearn.ensemble", "sklearn.tree", "lightgbm", "xgboost")
_UNSCALED = (*_TREES, "sklearn.naive_bayes")
_DEFAULTS: dict[str, dict[str, Any]] = {
    # The order of a sum of floats depends on threads and on which of two ways was faster, but for these.
    "lightgbm": {"deterministic": True, "force_col_wise": True, "verbose": -1},
}


def estimator_class(path: str) -> Any:
    """What an import path names. Raises ImportError or AttributeError where there is nothing that may be imported."""
    if not origins.may_be_imported(path):
        raise ImportError(f"{path} must not be imported")
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def estimator(candidate: Candidate, encoding: Encoding, classes: tuple[Class, ...]) -> Any:
    """A candidate's estimator with its fixed parameters, and a fixed random state where it takes one.

    Raises:
        ValueError: a parameter names a class or a column that does not exist.
    """

    def resolved(name: str, value: Any) -> Any:
        return parameters.resolve(name, value, encoding=encoding, classes=classes)

    return targets.wrapped(_made(candidate.estimator, candidate.parameters, resolved), candidate.target_transform)


def prototype(candidate: Candidate) -> Any:
    """A candidate's estimator without its parameters but those that are estimators."""
    return blank(candidate.estimator, candidate.parameters)


def blank(path: str, given: Mapping[str, Any]) -> Any:
    """An estimator without its parameters but those that are estimators.

    Raises:
        ValueError: one of these is not given as one.
    """

    def nothing(_name: str, _value: Any) -> Any:
        return _UNKNOWN

    return _made(path, given, nothing)


_UNKNOWN = object()


def _made(path: str, given: Mapping[str, Any], resolved: Callable[[str, Any], Any]) -> Any:
    kind = estimator_class(path)
    values = {name: _value(name, value, resolved) for name, value in given.items()}
    values = {name: value for name, value in values.items() if value is not _UNKNOWN}
    made = kind(**{name: values.pop(name) for name in required(kind) if name in values})
    known = made.get_params(deep=False)
    defaults = {name: value for name, value in _DEFAULTS.get(origins.package(path), {}).items() if name not in values}
    if "random_state" in known and "random_state" not in values:
        defaults["random_state"] = SEED
    return made.set_params(**defaults, **values)


def _value(name: str, value: Any, resolved: Callable[[str, Any], Any]) -> Any:
    if nesting.is_nested(value):
        nested = nesting.read(name, value)
        return _made(nested.estimator, nested.parameters, resolved)
    if nesting.is_named(name, value):
        return [(key, _value(key, inner, resolved)) for key, inner in value.items()]
    return resolved(name, value)


def required(kind: Any) -> tuple[str, ...]:
    """The parameters that an estimator cannot be made without."""
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    found = signature(kind).parameters.values()
    return tuple(one.name for one in found if one.kind in kinds and one.default is Parameter.empty)


def precision(candidate: Candidate) -> Literal["float32", "float64"]:
    """What the inputs of a candidate are rounded to.

    Forests and XGBoost round their inputs to float32 themselves; so that a schema can say where digits are lost, it is
    done before. HistGradientBoosting and LightGBM compare in double, and so do their twins: they keep every digit, and
    so do those that wrap others.
    """
    if candidate.precision is not None:
        return candidate.precision
    module = str(estimator_class(candidate.estimator).__module__)
    rounds = module.startswith(_ROUNDING) and not module.startswith(_NOT_ROUNDING)
    return "float32" if rounds and not any(nesting.paths(candidate.parameters)) else "float64"


def takes_sparse(made: Any) -> bool:
    """Whether an estimator is fitted on a sparse matrix as well."""
    from sklearn.utils import get_tags

    return bool(get_tags(made).input_tags.sparse)


def is_scaled(made: Any) -> bool:
    """Whether an estimator, or one that it wraps, profits from numbers of the same variance."""
    return not all(type(inner).__module__.startswith(_UNSCALED) for inner in innermost(made))


def takes_weights(made: Any) -> bool:
    """Whether an estimator takes weights of rows: stacks and votes do where all of their members do."""
    from sklearn.utils.validation import has_fit_parameter

    if has_fit_parameter(made, "sample_weight"):
        return True
    if not hasattr(made, "estimators"):
        return False
    last = getattr(made, "final_estimator", None)
    members = [*within(made), *([] if last is None else [last])]
    return all(takes_weights(member) for member in members)


def takes_nulls(made: Any) -> bool:
    """Whether an estimator has a place of its own for nulls."""
    inner = single(made)
    return type(inner).__name__.startswith("HistGradientBoosting") or origins.package_of(inner) in origins.BOOSTERS


def take_categories(made: Any, positions: Sequence[int], width: int) -> None:
    """Tell an estimator which columns of its matrix are codes of categories."""
    inner = single(made)
    if origins.package_of(inner) == "lightgbm":
        # An alias: by its first name LightGBM takes it as an argument of `fit` alone, and warns.
        inner.set_params(categorical_column=list(positions))
    elif origins.package_of(inner) == "xgboost":
        kinds = ["c" if position in set(positions) else "q" for position in range(width)]
        inner.set_params(enable_categorical=True, feature_types=kinds)
    else:
        inner.set_params(categorical_features=list(positions))


def single(made: Any) -> Any:
    """The estimator that is fitted on the matrix itself, where another makes something of its answers alone."""
    return single(made.regressor) if targets.is_wrapped(made) else made


def within(made: Any) -> list[Any]:
    """The estimators that one wraps around the matrix itself; nothing where it is fitted on that."""
    wrapped = [
        value
        for name, value in made.get_params(deep=False).items()
        if name not in ("final_estimator", "estimators") and hasattr(value, "predict")
    ]
    return wrapped + [inner for _, inner in getattr(made, "estimators", None) or () if hasattr(inner, "predict")]


def innermost(made: Any) -> Iterator[Any]:
    """The estimators that are fitted on the matrix, within those that wrap them."""
    wrapped = within(made)
    for inner in wrapped:
        yield from innermost(inner)
    if not wrapped:
        yield made
