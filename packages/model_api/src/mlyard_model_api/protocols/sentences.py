"""Problems as one text, for protocols whose errors have no fields for places."""

from collections.abc import Sequence

from mlyard_model_api.errors import Problem


def text(problems: Sequence[Problem]) -> str:
    """All problems with their places, as in "row 3, age: must be a number; row 4, age: must be a number"."""
    return "; ".join(map(_sentence, problems))


def _sentence(problem: Problem) -> str:
    row = f"row {problem.row}" if problem.row is not None else None
    place = ", ".join(part for part in (row, problem.column) if part is not None)
    return f"{place}: {problem.message}" if place else problem.message
