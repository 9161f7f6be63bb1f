"""What an estimator's import path may name: its class, those of the estimators that it wraps, and their parameters."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mlyard_shared.metrics import Task
from mlyard_shared.spec import Candidate

from mlyard_training_pipeline.candidates import estimators, nesting, origins

_OURS = {
    "lightgbm": ("categorical_column", "categorical_feature", "cat_feature", "cat_column"),
    "xgboost": ("feature_types", "enable_categorical", "callbacks", "early_stopping_rounds", "eval_metric"),
    "sklearn": ("categorical_features",),
}
"""Parameters that follow from the table, or that need more than a spec gives."""

_MORE = {"xgboost": ("quantile_alpha", "huber_slope", "tweedie_variance_power")}
"""Parameters of objectives, which XGBoost takes and does not name."""

_OUTSIDE = (
    "config", "data", "valid", "input_model", "output_model", "output_result", "snapshot_freq", "machines",
    "machine_list_filename", "num_machines", "local_listen_port", "forcedsplits_filename", "forcedbins_filename",
    "initscore_filename", "position_filename", "save_binary", "two_round", "gpu_platform_id", "gpu_device_id",
)  # fmt: skip
"""LightGBM's parameters that name files, other machines or devices, none of which a spec may reach."""


def problems(candidate: Candidate, task: Task, trusted: Sequence[str]) -> list[str]:
    """Why a candidate's estimator, or one within it, is not one to train: at most one sentence each.

    Args:
        candidate: of the spec.
        task: what it should predict.
        trusted: the packages of users' own estimators that the settings name.
    """
    try:
        nested = levels(candidate)
    except ValueError as error:
        return [f"parameters.{error}"]
    if candidate.target_transform is not None and task != "regression":
        return ["target_transform: classes have no logarithm: leave it out"]
    found = []
    for key, path, given in nested:
        found += _of_path(key.removesuffix("parameters") + "estimator", path, given, task, trusted)
    return found or _fits(candidate, task)


class Level(NamedTuple):
    """An estimator of a candidate: itself, or one within it. `key` is that of its parameters in the spec."""

    key: str
    path: str
    given: dict[str, Any]


def levels(candidate: Candidate) -> list[Level]:
    """A candidate's estimator, and those within it."""
    found = [Level("parameters", candidate.estimator, candidate.parameters)]
    for key, one in nesting.paths(candidate.parameters):
        found.append(Level(f"parameters.{key}.parameters", one.estimator, one.parameters))
    return found


def without_twin(level: Level, grid: Mapping[str, Sequence[Any]]) -> list[str]:
    """Values of parameters with which a booster has no ONNX twin, which it cannot be served without."""
    refused = {name: values for (package, name), values in _NO_TWIN.items() if package == origins.package(level.path)}
    return [
        f"{name}: there is no exact ONNX twin of {value!r}, and nothing else can serve it"
        for name, values in refused.items()
        for value in (level.given.get(name), *grid.get(name, ()))
        if value in values
    ]


_NO_TWIN: dict[tuple[str, str], tuple[Any, ...]] = {
    ("lightgbm", "linear_tree"): (True,),
    ("lightgbm", "objective"): ("multiclassova", "multiclass_ova", "ova", "ovr", "cross_entropy_lambda"),
    ("xgboost", "booster"): ("gblinear",),
    ("xgboost", "objective"): ("binary:hinge", "binary:logitraw"),
}


def parameters_of(level: Level) -> dict[str, Any]:
    """The names and defaults of what a spec may say of an estimator and those within it."""
    made = estimators.blank(level.path, level.given)
    found: dict[str, Any] = made.get_params()
    if origins.package_of(made) == "lightgbm":
        from lightgbm.basic import _ConfigAliases

        names = {name for aliases in _ConfigAliases._get_all_param_aliases().values() for name in aliases}  # noqa: SLF001
        found |= dict.fromkeys(names - set(found) - set(_OUTSIDE))
    found |= dict.fromkeys(_MORE.get(origins.package_of(made), ()))
    ours = {*_OURS.get(origins.package_of(made), ()), *_OUTSIDE}
    return {name: value for name, value in found.items() if name not in ours}


def _of_path(key: str, path: str, given: Mapping[str, Any], task: Task, trusted: Sequence[str]) -> list[str]:
    if problem := origins.problem(path, trusted):
        return [f"{key}: {problem}"]
    try:
        kind = estimators.estimator_class(path)
    # What a package raises that cannot be imported is its own choice, such as OSError for a library that is missing.
    except Exception as error:  # noqa: BLE001
        name = origins.package(path)
        if not _says_that_there_is_none(error, path):
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            return [f"{key}: {name} is installed and cannot be imported: {first}"]
        return [f"{key}: there is no {path} in the installed {_CALLED.get(name, path)}{_nearest(path)}"]
    problem = _unusable(kind, path, given, task)
    return [f"{key}: {problem}"] if problem else []


def _says_that_there_is_none(error: Exception, path: str) -> bool:
    if isinstance(error, ModuleNotFoundError):
        return error.name is not None and f"{path}.".startswith(f"{error.name}.")
    return isinstance(error, AttributeError) and error.name == path.rpartition(".")[2]


def _unusable(kind: Any, path: str, given: Mapping[str, Any], task: Task) -> str | None:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    mixin = ClassifierMixin if task == "classification" else RegressorMixin
    if not (isinstance(kind, type) and issubclass(kind, BaseEstimator) and issubclass(kind, mixin)):
        return f"{path} is not an estimator for {task}"
    if kind.__name__ == "TransformedTargetRegressor":
        return 'name the regressor itself, and say target_transform = "log" or another function of the target'
    wanted = next((name for name in estimators.required(kind) if name not in given), None)
    if wanted is None:
        return None
    if wanted not in ("estimator", "estimators"):
        return f"{path} needs {wanted}, which a spec cannot give"
    return f"{path} wraps {_WRAPPED[wanted]} = {_EXAMPLES[task]}"


def _fits(candidate: Candidate, task: Task) -> list[str]:
    """Whether the estimators go together; their classes are known to be right."""
    from sklearn.utils import get_tags

    path = candidate.estimator
    try:
        tags = get_tags(estimators.prototype(candidate))
    except (AttributeError, TypeError, ValueError):  # of a wrapper around an estimator that it was not given
        wanted = "estimators" if "estimators" in estimators.required(estimators.estimator_class(path)) else "estimator"
        return [f"estimator: {path} wraps {_WRAPPED[wanted]} = {_EXAMPLES[task]}"]
    if not tags.target_tags.single_output:
        return [f"estimator: {path} predicts several targets at once, and a spec has one"]
    if not tags.input_tags.two_d_array:
        return [f"estimator: {path} takes one number for each row, and not a table"]
    return []


def _nearest(path: str) -> str:
    from importlib import import_module

    module, _, name = path.rpartition(".")
    try:
        known = vars(import_module(module))
    except ImportError:
        return ""
    close = difflib.get_close_matches(name, [other for other in known if other[:1].isupper()], n=1)
    return f"; did you mean {module}.{close[0]}?" if close else ""


_CALLED = {"sklearn": "scikit-learn", "lightgbm": "LightGBM", "xgboost": "XGBoost"}
_WRAPPED = {
    "estimator": "another estimator: say it, as in parameters.estimator",
    "estimators": "other estimators: say them, as in parameters.estimators.NAME",
}
_EXAMPLES: dict[Task, str] = {
    "classification": '{ estimator = "sklearn.linear_model.LogisticRegression" }',
    "regression": '{ estimator = "sklearn.linear_model.Ridge" }',
}
