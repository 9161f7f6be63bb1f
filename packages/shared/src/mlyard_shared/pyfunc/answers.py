"""What a version says of rows, as a DataFrame whose rows are those of the API's own protocol, but for the id.

`prediction` is a class or a number. A classification has `probabilities`, a number by the text of each class, or None
where the model gives none. Where the version has conformal quantiles there are `intervals`, the ends `low` and `high`
by level, or `sets`, lists of classes by level.
"""

import json
from collections.abc import Iterable
from typing import Any

from mlyard_shared.engines import Answers


def frame(answers: Answers, index: Any) -> Any:
    """Make the DataFrame, with this index."""
    from pandas import DataFrame

    columns: dict[str, Any] = {"prediction": answers.values}
    if answers.classes:
        columns["probabilities"] = _probabilities(answers)
    if answers.intervals:
        ends = {level: [_ends(*row) for row in both.tolist()] for level, both in answers.intervals.items()}
        columns["intervals"] = _by_level(ends)
    if answers.sets:
        members = {level: [_chosen(answers, row) for row in both.tolist()] for level, both in answers.sets.items()}
        columns["sets"] = _by_level(members)
    return DataFrame(columns, index=index)


def label(value: bool | int | str) -> str:
    """A class as a key: true and false as JSON spells them."""
    return value if isinstance(value, str) else json.dumps(value)


def _probabilities(answers: Answers) -> list[Any]:
    if answers.probabilities is None:
        return [None] * len(answers.predictions)
    labels = [label(value) for value in answers.classes]
    return [dict(zip(labels, row, strict=True)) for row in answers.probabilities.tolist()]


def _ends(low: float, high: float) -> dict[str, float]:
    return {"low": low, "high": high}


def _chosen(answers: Answers, members: Iterable[bool]) -> list[bool | int | str]:
    return [value for value, is_in in zip(answers.classes, members, strict=True) if is_in]


def _by_level(found: dict[float, list[Any]]) -> list[dict[str, Any]]:
    levels = [str(level) for level in found]
    return [dict(zip(levels, row, strict=True)) for row in zip(*found.values(), strict=True)]
