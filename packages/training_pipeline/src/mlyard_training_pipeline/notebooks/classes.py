"""A fitted estimator without the notebook's names: of columns, and of classes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from mlyard_shared.errors import TrainingError

from mlyard_training_pipeline.data.dataset import Class
from mlyard_training_pipeline.notebooks.frames import plain


def check(model: Any, classes: tuple[Class, ...], target: str) -> None:
    """Check that a classifier says the classes of the table.

    Raises:
        TrainingError: it says others, or in another order.
    """
    said = [plain(value) for value in model.classes_]
    if said == list(classes):
        return
    strange = [value for value in said if value not in classes]
    lacking = [value for value in classes if value not in said]
    facts = [f"{_listed(strange)} of it is not in the table" if strange else ""]
    facts.append(f"{_listed(lacking)} of the table is unknown to it" if lacking else "")
    what = "; ".join(fact for fact in facts if fact) or f"it has them in the order {_listed(said)}"
    raise TrainingError(
        f"the pipeline says other classes than the column {target!r} has: {what}; a class is the same only where its "
        f"type is: say what the column holds with types.{target} in the spec"
    )


def forget_names(model: Any, classes: tuple[Class, ...]) -> None:
    """Let an estimator, and all within it, take a matrix without names and say the positions of classes."""
    for part in _parts(model, set()):
        vars(part).pop("feature_names_in_", None)
        for name, value in vars(part).items():
            is_named = (name.endswith("classes_") or name == "classes") and isinstance(value, np.ndarray)
            if is_named and [plain(one) for one in value.ravel()] == list(classes):
                vars(part)[name] = np.arange(len(classes))


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    """A value of scikit-learn's, and all of them within it."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, list | tuple):
        for one in value:
            yield from _parts(one, seen)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        yield from _parts(value.tolist(), seen)
    elif isinstance(value, dict):
        yield from _parts(list(value.values()), seen)
    elif type(value).__module__.startswith("sklearn.") and hasattr(value, "__dict__"):
        yield value
        yield from _parts(list(vars(value).values()), seen)


def _listed(values: list[Any]) -> str:
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return f"{', '.join(map(repr, values[:5]))}{more}"
