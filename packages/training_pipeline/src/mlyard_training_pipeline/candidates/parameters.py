"""Parameters that name classes or columns: a spec gives the table's own names, scikit-learn takes positions.

`class_weight = { "yes" = 2 }` and `monotonic_cst = { age = 1 }` mean what they say, whatever the classes are called and
wherever the preprocessing puts a column.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from mlyard_shared.columns.canonical import typed_text

from mlyard_training_pipeline.candidates.encoding import Encoding
from mlyard_training_pipeline.data.dataset import Class

_BY_CLASS = ("priors", "class_prior")
_A_CLASS = ("outlier_label", "constant")


def resolve(name: str, value: Any, *, encoding: Encoding, classes: tuple[Class, ...]) -> Any:
    """A parameter's value as scikit-learn takes it.

    Raises:
        ValueError: it names a class or a column that the table does not have.
    """
    last = name.rpartition("__")[2]
    if last == "class_weight" and isinstance(value, dict):
        return {_class(label, classes): weight for label, weight in value.items()}
    if last in _BY_CLASS and isinstance(value, dict | list):
        return _for_each_class(value, classes)
    if last in _A_CLASS and classes and not isinstance(value, list) and value != "most_frequent":
        return _class(str(typed_text(value)), classes)
    if last == "monotonic_cst" and isinstance(value, dict | list):
        return _monotonic(value, encoding)
    if last == "interaction_cst" and isinstance(value, list):
        return [
            sorted({place for column in group for place in _places(column, encoding.grown, encoding)})
            for group in value
        ]
    if last == "categorical_features" and value != "from_dtype" and value is not None:
        raise ValueError(
            "categories are encoded before the estimator sees them: leave it out, and say which columns are "
            'categories with features.types.COLUMN = "category"'
        )
    return value


def _class(label: str, classes: tuple[Class, ...]) -> int:
    texts = [str(typed_text(known)) for known in classes]
    if label not in texts and label.lower() in texts:
        label = label.lower()  # `True` and `False`, as Python spells them
    return texts.index(label) if label in texts else _unknown("class", label, texts)


def _for_each_class(value: Any, classes: tuple[Class, ...]) -> list[float]:
    if isinstance(value, dict):
        given = {_class(label, classes): share for label, share in value.items()}
        value = [given[position] for position in range(len(classes)) if position in given]
    if len(value) != len(classes):
        named = ", ".join(str(typed_text(known)) for known in classes)
        raise ValueError(f"it needs a share for each of the {len(classes)} classes: {named}")
    total = sum(value)
    if abs(total - 1) > 1e-6:
        raise ValueError(f"the shares of the classes must add up to 1, and these add up to {total:g}")
    return list(value)


def _monotonic(value: Any, encoding: Encoding) -> list[int]:
    if isinstance(value, list):
        if len(value) != encoding.width:
            raise ValueError(f"say it by column, as in {{ {_example(encoding)} = 1 }}")
        return list(value)
    signs = [0] * encoding.width
    for column, sign in value.items():
        places = _places(column, encoding.encoded, encoding)
        if encoding.is_category(column):
            raise ValueError(f"column {column!r} is a category, which neither rises nor falls")
        for place in places:
            signs[place] = sign
    return signs


def _places(column: Any, known: Mapping[str, tuple[int, ...]], encoding: Encoding) -> tuple[int, ...]:
    if not isinstance(column, str):
        raise ValueError(f"name columns in place of positions, as in [[{_example(encoding)}]]")  # noqa: TRY004 - as above
    return known.get(column) or _unknown("column", column, known)


def _example(encoding: Encoding) -> str:
    """A number's name as TOML takes it."""
    names = [encoding.schema.input_names[position] for position in encoding.numbers]
    return json.dumps(names[0] if names else "COLUMN", ensure_ascii=False)


def _unknown(kind: str, name: str, known: Iterable[str]) -> Any:
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
    raise ValueError(f"there is no {kind} {name!r}; {hint}")
