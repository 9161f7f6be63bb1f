"""Where an estimator may come from: scikit-learn, a booster of the extra, or a package that the settings trust.

A spec names estimators, and whoever writes one must not have any code imported by that. A package of a user's own is
imported where both agree: the settings name it, and it names an ONNX converter for the estimator by an entry point.
"""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, packages_distributions, version
from importlib.util import find_spec
from typing import Any

CONVERTERS = "mlyard.onnx_converters"
"""The group of entry points: each is named as the import path of an estimator, and leads to its converter."""

SETTING = "MLYARD_TRAINING_PIPELINE_ESTIMATOR_PACKAGES"
BOOSTERS = {"lightgbm": ("lightgbm",), "xgboost": ("xgboost-cpu", "xgboost")}
"""The boosters by the name that is imported, and the distributions that they may be of."""


def package(path: str) -> str:
    """The package that an import path begins with."""
    return path.partition(".")[0]


def package_of(made: Any) -> str:
    """The package that an estimator's class is of."""
    return package(type(made).__module__)


def distribution(name: str) -> tuple[str, str] | None:
    """The distribution that a package is of, and its version."""
    # To ask the environment takes a quarter of a second: every distribution's list of files is read.
    known_to_us = {"sklearn": ("scikit-learn",), **BOOSTERS}.get(name, ())
    for known in known_to_us or tuple(packages_distributions().get(name, ())):
        try:
            return known, version(known)
        except PackageNotFoundError:
            continue
    return None


def converter(path: str) -> EntryPoint | None:
    """The entry point of an estimator's converter."""
    return next(iter(entry_points(group=CONVERTERS, name=path)), None)


def converter_of(made: Any) -> EntryPoint | None:
    """The entry point of an estimator's converter, under whichever path its class is known."""
    name = type(made).__name__
    ours = [entry for entry in entry_points(group=CONVERTERS) if package(entry.name) == package_of(made)]
    return next((entry for entry in ours if entry.name.rpartition(".")[2] == name), None)


def problem(path: str, trusted: Sequence[str]) -> str | None:
    """Why an estimator must not be imported, or cannot be.

    Args:
        path: its import path, from a spec.
        trusted: the packages that the settings name.
    """
    name = package(path)
    if name == "sklearn":
        return None
    if name in BOOSTERS:
        if find_spec(name) is not None:
            return None
        return (
            f"{name} is not installed: install mlyard-training-pipeline[boosters], or build the image with "
            '--build-arg EXTRAS="boosters"'
        )
    if name not in trusted:
        return (
            f"{path} is not of scikit-learn, LightGBM or XGBoost, and the settings do not trust the package {name}: "
            f"choose another estimator, or have {name} added to {SETTING}"
        )
    if find_spec(name) is None:
        return f"{name} is not installed beside the pipeline"
    if converter(path) is None:
        return (
            f"{name} names no ONNX converter for it, and nothing else leaves the pipeline: it needs an entry point "
            f"{path} in the group {CONVERTERS}"
        )
    return None


def may_be_imported(path: str) -> bool:
    """Whether a path is of a package that we know, or names an estimator that has a converter."""
    return package(path) == "sklearn" or package(path) in BOOSTERS or converter(path) is not None
