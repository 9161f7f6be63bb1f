"""How a candidate's estimator sees each category: as it is, as a column for each level, or as means of the target.

What the spec says of a column holds. Else an estimator that takes categories gets them as they are, pooled where there
are more than it takes; others get a column for each level, in a sparse matrix where they profit; and a column of
thousands of levels becomes the mean of the target over each, cross-fitted by scikit-learn's `TargetEncoder`.
"""

from collections.abc import Mapping
from typing import Any

from mlyard_shared.schema import Schema
from mlyard_shared.spec import Candidate, Features
from mlyard_shared.spec.features import CategoryEncoding

from mlyard_training_pipeline.candidates import estimators, origins
from mlyard_training_pipeline.candidates.encoding import Levels, codes

MOST_LEVELS = 1_000
"""With more levels a column is no longer pooled to what an estimator takes, nor made a column for each level."""

_MOST_BINS = 255
_MEANS = 10
"""Of more classes than this the means would be more columns than they are worth."""


def levels(
    schema: Schema, features: Features, candidate: Candidate, made: Any, *, classes: int = 0
) -> dict[str, Levels]:
    """The levels of each category, by the column's name.

    Args:
        schema: of the model.
        features: what the spec says of columns.
        candidate: may lower the number of levels that its estimator takes.
        made: the candidate's estimator.
        classes: how many the target has, 0 for a regression.
    """
    native = most_native(candidate, made)
    found = {}
    for column in schema.columns:
        if column.type == "category":
            count = codes(column)
            encoding = features.encoding.get(column.name) or _encoding(count, native, made, classes)
            kept = min(count, features.levels.get(column.name, count))
            if encoding == "native" and native is not None:
                kept = min(kept, native)
            found[column.name] = Levels(encoding, count, kept)
    return found


def most_native(candidate: Candidate, made: Any) -> int | None:
    """How many codes a candidate's estimator takes as they are, with every setting of its grid; None: it takes none."""
    inner = estimators.single(made)
    if origins.package_of(inner) in origins.BOOSTERS:
        return MOST_LEVELS
    if type(inner).__name__.startswith("HistGradientBoosting"):
        said = [candidate.parameters.get("max_bins", _MOST_BINS), *candidate.grid.get("max_bins", ())]
        return min([_MOST_BINS, *(bins for bins in said if isinstance(bins, int))])
    return None


def problems(schema: Schema, features: Features, candidate: Candidate, made: Any) -> list[str]:
    """What the spec says of categories that a candidate's estimator cannot do, in one sentence each."""
    if most_native(candidate, made) is not None:
        return []
    asked = [column.name for column in schema.columns if features.encoding.get(column.name) == "native"]
    return [
        f'features.encoding.{name}: {candidate.estimator} takes no categories as they are: say "one_hot" or "target", '
        "or leave the line out, so that each candidate gets what suits it"
        for name in asked
    ]


def summary(found: Mapping[str, Levels]) -> str:
    """What becomes of the categories, for people."""
    told: dict[str, list[str]] = {}
    for name, level in found.items():
        pooled = f" (the rarest of {level.known} levels are one)" if level.pooled else ""
        told.setdefault(level.encoding, []).append(name + pooled)
    return "; ".join(f"{_CALLED[encoding]}: {', '.join(names)}" for encoding, names in told.items())


_CALLED: dict[str, str] = {
    "native": "categories as they are",
    "one_hot": "a column for each level",
    "target": "means of the target",
}


def _encoding(count: int, native: int | None, made: Any, classes: int) -> CategoryEncoding:
    if native is not None:
        return "native" if count <= MOST_LEVELS or classes > _MEANS else "target"
    return "one_hot" if count <= MOST_LEVELS or classes > _MEANS or _weighs_each(made) else "target"


def _weighs_each(made: Any) -> bool:
    """Whether each level gets a weight of its own at little cost: in linear models that take sparse matrices."""
    inner = estimators.single(made)
    linear = type(inner).__module__.startswith(("sklearn.linear_model", "sklearn.svm", "sklearn.naive_bayes"))
    return linear and estimators.takes_sparse(inner)
