"""Steps that take categories, as steps that take their codes.

What an encoder makes of one category depends on that category alone. So the original is asked once for every category
of a column, for null and for one that it has never seen, and its answers become columns of a `OneHotEncoder`, or, where
they are no such columns, the tables of a `TargetEncoder`: both take codes, and have exact twins.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.errors import TrainingError
from mlyard_shared.features import Array
from mlyard_shared.schema import Column

from mlyard_training_pipeline.notebooks.frames import Names, objects

_COLUMNWISE = ("SimpleImputer", "OrdinalEncoder", "OneHotEncoder", "TargetEncoder")
_LAST = ("OneHotEncoder", "TargetEncoder")
"""After these the columns are no longer those of the table."""

_NEVER_SEEN = "a category that was never seen"


class Lookup(NamedTuple):
    """What a column becomes.

    `table` has the shape [codes, outputs], by code; `unseen` has what a code of -1 becomes, shape [outputs].
    """

    column: Column
    table: Array
    unseen: Array


def split(transformer: Any) -> tuple[list[Any], list[tuple[str, Any]]]:
    """The first steps of a transformer, which look at each column by itself, and the named steps after them."""
    steps = list(transformer.steps) if hasattr(transformer, "steps") else [("only", transformer)]
    steps = [(name, step) for name, step in steps if step != "passthrough"]
    first: list[Any] = []
    for _, step in steps:
        kind = type(step).__name__
        if kind not in _COLUMNWISE or getattr(step, "add_indicator", False):
            break
        first.append(step)
        if kind in _LAST:
            break
    return first, steps[len(first) :]


def known_values(steps: Sequence[Any], position: int) -> Iterator[Any]:
    """The values of a column, by its position, that steps know."""
    for step in steps:
        if type(step).__name__ == "SimpleImputer":
            yield from (value for value in (step.statistics_[position],) if value == value)
        else:
            yield from (value for value in step.categories_[position] if value is not None and value == value)
            return


def lookups(steps: Sequence[Any], columns: Sequence[Column], names: Names) -> list[Lookup]:
    """Ask the first steps of a transformer what each column becomes.

    Args:
        steps: fitted, over these columns alone.
        columns: categories, and booleans.
        names: what categories are in the notebook.

    Raises:
        TrainingError: the steps refuse a category that the table has, or null where there is some.
    """
    widths = _widths(steps, len(columns))
    found: list[Lookup] = []
    for position, column in enumerate(columns):
        start = sum(widths[:position])
        mine = slice(start, start + widths[position])
        values = _domain(column, names)
        made = _ask(steps, columns, position, values, names)
        if isinstance(made, str):
            raise TrainingError(f"the pipeline does not take every value of {column.name!r} that the table has: {made}")
        unseen = _ask(steps, columns, position, [_NEVER_SEEN], names) if column.type == "category" else made[:1]
        if isinstance(unseen, str):
            if column.unseen == "accept":
                raise TrainingError(
                    f"the pipeline does not take unseen categories of {column.name!r}, and the spec does: "
                    f'take unseen.{column.name} = "accept" out of it ({unseen})'
                )
            unseen = np.zeros((1, made.shape[1]))
        found.append(Lookup(column, made[:, mine], unseen[0, mine]))
    return found


def steps_of(lookup: Lookup, position: int) -> Iterator[tuple[Any, list[int]]]:
    """The steps over the codes of a column at this position of the matrix, in the order of their outputs."""
    table, unseen = lookup.table, lookup.unseen
    if _is_one_hot(table) and not unseen.any():
        yield _one_hot(table), [position]
        return
    place = 0
    for value, group in groupby(unseen.tolist()):
        count = len(list(group))
        encoder = _table_encoder(table[:, place : place + count], value)
        yield (_with_null(encoder) if _has_float_null(lookup.column) else encoder), [position] * count
        place += count


def _domain(column: Column, names: Names) -> list[Any]:
    """Every value of a column in the order of its codes, null last."""
    values = [False, True] if column.type == "boolean" else [names[column.name][text] for text in column.categories]
    return [*values, np.nan] if column.nullable else values


def _ask(
    steps: Sequence[Any], columns: Sequence[Column], position: int, values: list[Any], names: Names
) -> Array | str:
    """What steps make of values of one column beside others, or why they refuse them."""
    from pandas import DataFrame

    others = [_domain(column, names)[0] for column in columns]
    rows = {
        column.name: objects(values if place == position else [others[place]] * len(values))
        for place, column in enumerate(columns)
    }
    made: Any = DataFrame(rows).astype(object)
    try:
        for step in steps:
            made = step.transform(made)
    # The steps raise what they like.
    except Exception as error:  # noqa: BLE001 - the reason is told
        return " ".join(str(error).split())[:300]
    dense = made.toarray() if hasattr(made, "toarray") else np.asarray(made)
    try:
        return dense.astype(np.float64)
    except (TypeError, ValueError):
        return "its categories stay texts"


def _widths(steps: Sequence[Any], columns: int) -> list[int]:
    last = steps[-1]
    if type(last).__name__ == "OneHotEncoder":
        return [_levels(last, position) for position in range(columns)]
    if type(last).__name__ == "TargetEncoder":
        return [len(last.encodings_) // columns] * columns
    return [1] * columns


def _levels(encoder: Any, position: int) -> int:
    """How many columns an encoder makes of one: those of rare categories are one, and one may be dropped."""
    rare = getattr(encoder, "infrequent_categories_", None)
    rare = None if rare is None else rare[position]
    dropped = encoder.drop_idx_ is not None and encoder.drop_idx_[position] is not None
    return len(encoder.categories_[position]) - (0 if rare is None else len(rare) - 1) - dropped


def _is_one_hot(table: Array) -> bool:
    """Whether each output is 1 for one code alone, in the order of the codes, and 0 elsewhere."""
    if not (np.isin(table, (0.0, 1.0)).all() and (table.sum(axis=0) == 1).all()):
        return False
    return bool((np.diff(table.argmax(axis=0)) > 0).all())


def _one_hot(table: Array) -> Any:
    from sklearn.preprocessing import OneHotEncoder

    codes = table.argmax(axis=0).astype(np.float64)
    encoder = OneHotEncoder(categories=[codes], handle_unknown="ignore", sparse_output=False)
    return encoder.fit(codes.reshape(-1, 1))


def _table_encoder(table: Array, unseen: float) -> Any:
    from sklearn.preprocessing import TargetEncoder

    codes = np.arange(len(table), dtype=np.float64)
    rows = np.tile(np.resize(codes, max(len(codes), 5)).reshape(-1, 1), table.shape[1])
    encoder = TargetEncoder(categories=[codes] * table.shape[1], target_type="continuous")
    encoder.fit(rows, np.arange(len(rows), dtype=np.float64))
    encoder.encodings_ = [np.ascontiguousarray(column) for column in table.T]
    encoder.target_mean_ = float(unseen)
    return encoder


def _has_float_null(column: Column) -> bool:
    """Whether null is NaN in the matrix: that of a category has a code."""
    return column.type == "boolean" and column.nullable


def _with_null(encoder: Any) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline

    width = len(encoder.categories_)
    null = SimpleImputer(strategy="constant", fill_value=2.0).fit(np.zeros((1, width)))
    return Pipeline([("null", null), ("codes", encoder)])
