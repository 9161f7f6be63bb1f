"""A fitted pipeline over the columns of a table as one over the matrix of a model's inputs."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.errors import TrainingError
from mlyard_shared.schema import Column

from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.notebooks import classes, frames, lookups
from mlyard_training_pipeline.notebooks.frames import Names


class Translated(NamedTuple):
    """The pipeline over the matrix, and what categories are in the notebook."""

    pipeline: Any
    names: Names


class _Branch(NamedTuple):
    """A fitted transformer of the original, over these columns."""

    name: str
    transformer: Any
    columns: tuple[str, ...]


def estimator_path(model: Any) -> str:
    """The path under which an estimator's class is imported."""
    from importlib import import_module

    kind = type(model)
    parts = kind.__module__.split(".")
    paths = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    found = next(path for path in paths if getattr(import_module(path), kind.__name__, None) is kind)
    return f"{found}.{kind.__name__}"


def unwrapped(pipeline: Any) -> Any:
    """The best pipeline of a search, or the pipeline itself."""
    return getattr(pipeline, "best_estimator_", pipeline)


def last(pipeline: Any) -> Any:
    """The estimator of a pipeline."""
    found = unwrapped(pipeline)
    return found.steps[-1][1] if hasattr(found, "steps") else found


def translate(original: Any, dataset: Dataset, target: str) -> Translated:
    """Rewrite a pipeline; the original is left as it is.

    Raises:
        TrainingError: it holds what has no counterpart over codes, or does not fit the spec; says what and why.
    """
    pipeline = copy.deepcopy(unwrapped(original))
    steps = [step for step in getattr(pipeline, "steps", [("model", pipeline)]) if step[1] not in (None, "passthrough")]
    model = steps[-1][1]
    columns = _columns(unwrapped(original), dataset)
    if dataset.classes:
        if not hasattr(model, "classes_"):
            raise TrainingError("the spec is of a classification, and the pipeline ends in no classifier")
        classes.check(model, dataset.classes, target)
    elif hasattr(model, "classes_"):
        raise TrainingError("the spec is of a regression, and the pipeline ends in a classifier")
    branches, after = _branches(steps[:-1], columns)
    translation = _Translation(dataset, branches)
    inputs = _column_transformer(list(translation.steps()), len(dataset.schema.input_names))
    made = _pipeline([("inputs", inputs), *after, ("model", model)])
    classes.forget_names(made, dataset.classes)
    return Translated(made, translation.names)


def _columns(pipeline: Any, dataset: Dataset) -> tuple[str, ...]:
    """The columns that a pipeline was fitted on, which have to be those of the spec."""
    found = getattr(pipeline, "feature_names_in_", None)
    if found is None:
        raise TrainingError(
            "the pipeline was fitted without names of columns: fit it on a DataFrame, so that its columns can be told"
        )
    given, known = [str(name) for name in found], [column.name for column in dataset.schema.columns]
    if strange := [name for name in given if name not in known]:
        raise TrainingError(
            f"the pipeline takes {', '.join(map(repr, strange))}, which the spec's features do not have: name every "
            "column in features.use, or add it to the table"
        )
    if lacking := [name for name in known if name not in given]:
        raise TrainingError(
            f"the pipeline does not take {', '.join(map(repr, lacking))} of the spec's features: leave them out with "
            "features.leave_out"
        )
    if dates := [column.name for column in dataset.schema.columns if column.type == "datetime"]:
        raise TrainingError(
            f"{dates[0]!r} holds dates, and what the pipeline makes of them cannot be told: make columns of their "
            "parts in the table, and leave the dates out with features.leave_out"
        )
    return tuple(given)


def _branches(steps: list[tuple[str, Any]], columns: tuple[str, ...]) -> tuple[list[_Branch], list[tuple[str, Any]]]:
    """What is done to which columns, and the steps after that."""
    if not steps:
        return [_Branch("inputs", "passthrough", columns)], []
    first = steps[0][1]
    if type(first).__name__ != "ColumnTransformer":
        return [_Branch("inputs", _pipeline(steps), columns)], []
    found = []
    for name, transformer, chosen in first.transformers_:
        if isinstance(transformer, str) and transformer == "drop":
            continue
        names = _names(first, chosen)
        weight = (first.transformer_weights or {}).get(name, 1)
        if weight != 1:
            raise TrainingError(f"{name} has a weight in the pipeline's transformer_weights, which is not taken")
        if names:
            found.append(_Branch(name, transformer, names))
    return found, steps[1:]


def _names(transformer: Any, chosen: Any) -> tuple[str, ...]:
    """The names of the columns that a part of a fitted `ColumnTransformer` takes."""
    known = [str(name) for name in transformer.feature_names_in_]
    if isinstance(chosen, str):
        raise TrainingError(f"the pipeline takes {chosen!r} as a list of texts, and a model takes rows")
    if isinstance(chosen, slice):
        if isinstance(chosen.start, str) or isinstance(chosen.stop, str):
            last = known.index(chosen.stop) + 1 if chosen.stop is not None else None
            return tuple(known[slice(known.index(chosen.start) if chosen.start is not None else None, last)])
        return tuple(known[chosen])
    listed = np.asarray(chosen)
    if listed.dtype == bool:
        return tuple(name for name, is_in in zip(known, listed, strict=True) if is_in)
    return tuple(one if isinstance(one, str) else known[int(one)] for one in listed.tolist())


class _Translation:
    """The steps of the original over the matrix."""

    def __init__(self, dataset: Dataset, branches: Sequence[_Branch]) -> None:
        self._columns = {column.name: column for column in dataset.schema.columns}
        self._positions = {name: place for place, name in enumerate(dataset.schema.input_names)}
        self._branches = branches
        self.names = frames.names_of(dataset.schema.columns, self._known)

    def steps(self) -> Iterator[tuple[Any, list[int]]]:
        """Each step with its columns' positions, in the order of their outputs."""
        for branch in self._branches:
            columns = [self._columns[name] for name in branch.columns]
            if not _is_of_categories(branch, columns):
                yield self._of_numbers(branch), [self._positions[column.name] for column in columns]
            else:
                yield from self._of_categories(branch, columns)

    def _known(self, column: str) -> Iterator[Any]:
        for branch in self._branches:
            if column in branch.columns and not isinstance(branch.transformer, str):
                yield from lookups.known_values(lookups.split(branch.transformer)[0], branch.columns.index(column))

    def _of_numbers(self, branch: _Branch) -> Any:
        transformer = branch.transformer
        if isinstance(transformer, str) or _is_identity(transformer):
            return "passthrough"
        steps = transformer.steps if hasattr(transformer, "steps") else [("only", transformer)]
        for _, step in steps:
            for position, known in enumerate(getattr(step, "categories_", ())):
                try:
                    step.categories_[position] = np.asarray(known).astype(np.float64)
                except (TypeError, ValueError):
                    raise TrainingError(
                        f"{branch.name} takes {branch.columns[position]!r} as a category, and the spec as a number: "
                        f'set types.{branch.columns[position]} = "category"'
                    ) from None
        return transformer if type(transformer).__name__ in ("Pipeline", "OneHotEncoder") else _pipeline(list(steps))

    def _of_categories(self, branch: _Branch, columns: list[Column]) -> Iterator[tuple[Any, list[int]]]:
        first, rest = ([], []) if isinstance(branch.transformer, str) else lookups.split(branch.transformer)
        texts = [column.name for column in columns if column.type == "category"]
        if not any(hasattr(step, "categories_") for step in first):
            kind = "passthrough" if isinstance(branch.transformer, str) else type(branch.transformer).__name__
            raise TrainingError(
                f"{branch.name} ({kind}) takes {', '.join(map(repr, texts))}, which hold categories: encode them "
                "first, with a OneHotEncoder, an OrdinalEncoder or a TargetEncoder, or, where they are numbers, say so "
                f'with types.{texts[0]} = "number" in the spec'
            )
        if numbers := [column.name for column in columns if column.type in ("integer", "number")]:
            raise TrainingError(
                f"{branch.name} takes {', '.join(map(repr, numbers))} as categories, and the spec as numbers: "
                f'set types.{numbers[0]} = "category"'
            )
        found = lookups.lookups(first, columns, self.names)
        if not rest:
            for lookup in found:
                yield from lookups.steps_of(lookup, self._positions[lookup.column.name])
            return
        local = [one for place, lookup in enumerate(found) for one in lookups.steps_of(lookup, place)]
        codes = _column_transformer(local, len(columns))
        yield _pipeline([("codes", codes), *rest]), [self._positions[column.name] for column in columns]


def _is_of_categories(branch: _Branch, columns: list[Column]) -> bool:
    """Whether a part of the original takes a few values each, and not numbers."""
    if any(column.type == "category" for column in columns):
        return True
    is_encoder = not isinstance(branch.transformer, str) and any(
        hasattr(step, "categories_") for step in lookups.split(branch.transformer)[0]
    )
    return is_encoder and all(column.type == "boolean" for column in columns)


def _is_identity(transformer: Any) -> bool:
    return type(transformer).__name__ == "FunctionTransformer" and transformer.func is None


def _column_transformer(steps: list[tuple[Any, list[int]]], width: int) -> Any:
    """A `ColumnTransformer` of steps that are fitted already."""
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import FunctionTransformer

    matrix = np.zeros((2, width))
    named = [(f"step_{number}", step, positions) for number, (step, positions) in enumerate(steps, start=1)]
    # It would fit its steps again, so it is fitted on what it passes on, and given them after that.
    made = ColumnTransformer([(name, "passthrough", positions) for name, _, positions in named], sparse_threshold=0.0)
    made.fit(matrix)
    made.transformers = named
    made.transformers_ = [
        (name, FunctionTransformer().fit(matrix[:, positions]) if isinstance(step, str) else step, positions)
        for name, step, positions in named
    ]
    return made


def _pipeline(steps: list[tuple[str, Any]]) -> Any:
    from sklearn.pipeline import Pipeline

    return Pipeline(steps)
