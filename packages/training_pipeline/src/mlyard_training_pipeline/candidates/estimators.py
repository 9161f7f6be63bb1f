"""A candidate's estimator: found by its import path, and made with its parameters."""

from importlib import import_module
from typing import Any, Literal

from mlyard_shared.spec import Candidate

from mlyard_training_pipeline.candidates import parameters
from mlyard_training_pipeline.candidates.encoding import Encoding
from mlyard_training_pipeline.data.dataset import Class

SEED = 20_260_101
"""Every random state: a training that is run again gives the same model."""

_ROUNDING = ("sklearn.ensemble", "sklearn.tree")
_NOT_ROUNDING = "sklearn.ensemble._hist_gradient_boosting"


def estimator_class(path: str) -> Any:
    """What an import path names. Raises ImportError or AttributeError where there is nothing."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def estimator(candidate: Candidate, encoding: Encoding, classes: tuple[Class, ...]) -> Any:
    """A candidate's estimator with its fixed parameters, and a fixed random state where it takes one.

    Raises:
        ValueError: a parameter names a class or a column that does not exist.
    """
    given = {
        name: parameters.resolve(name, value, encoding=encoding, classes=classes)
        for name, value in candidate.parameters.items()
    }
    made = estimator_class(candidate.estimator)().set_params(**given)
    if "random_state" in made.get_params(deep=False) and "random_state" not in given:
        made.set_params(random_state=SEED)
    return made


def precision(candidate: Candidate) -> Literal["float32", "float64"]:
    """What the inputs of a candidate are rounded to.

    Trees and their ensembles round their inputs to float32 themselves; so that a schema can say where digits are lost,
    it is done before. HistGradientBoosting compares in double, and so does its twin: it keeps every digit.
    """
    module = str(estimator_class(candidate.estimator).__module__)
    rounds = module.startswith(_ROUNDING) and not module.startswith(_NOT_ROUNDING)
    return "float32" if rounds else "float64"


def takes_sparse(made: Any) -> bool:
    """Whether an estimator is fitted on a sparse matrix as well."""
    from sklearn.utils import get_tags

    return bool(get_tags(made).input_tags.sparse)
