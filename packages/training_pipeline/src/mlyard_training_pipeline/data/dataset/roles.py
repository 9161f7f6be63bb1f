"""Which column plays which part: target, key, group, event time, or what the model sees."""

import difflib
from collections.abc import Sequence

from mlyard_shared.spec import ModelSpec

from mlyard_training_pipeline.data.problems import Problems

_SHOWN = 20


def feature_names(spec: ModelSpec, names: Sequence[str]) -> list[str]:
    """The columns that the model sees, in the table's order, or in the spec's where it lists them."""
    if spec.features.use:
        return list(spec.features.use)
    others = {spec.target, *spec.identifying_columns, spec.event_time, spec.weight, *spec.features.leave_out}
    return [name for name in names if name not in others]


def check(spec: ModelSpec, names: Sequence[str], problems: Problems) -> None:
    """Note every column that the spec names and the table lacks, with the nearest one that it has."""
    chosen = spec.features
    named: dict[str, Sequence[str]] = {
        "target": (spec.target,),
        "key": spec.key,
        "group": (spec.group,) if spec.group else (),
        "event_time": (spec.event_time,) if spec.event_time else (),
        "weight": (spec.weight,) if spec.weight else (),
        **{key: (column,) for key, column in spec.gate.columns.items()},
        "features.use": chosen.use,
        "features.leave_out": chosen.leave_out,
        "features.types": tuple(chosen.types),
        "features.dates": tuple(chosen.dates),
        "features.unseen": tuple(chosen.unseen),
        "features.encoding": tuple(chosen.encoding),
        "features.levels": tuple(chosen.levels),
    }
    for key, columns in named.items():
        for column in (column for column in columns if column not in names):
            problems.add(f"{key}: the table has no column {column!r}; {_hint(column, names)}")
    if not problems and not feature_names(spec, names):
        problems.add("no column is left for the model to see: features.leave_out and the key take all of them")


def check_types(spec: ModelSpec, types: dict[str, str], problems: Problems) -> None:
    """Note what the spec says of a feature that its type does not have."""
    for key, names, kind, called in (
        ("features.dates", spec.features.dates, "datetime", "a date"),
        ("features.unseen", spec.features.unseen, "category", "a category"),
        ("features.encoding", spec.features.encoding, "category", "a category"),
        ("features.levels", spec.features.levels, "category", "a category"),
    ):
        for name in names:
            found = types.get(name)
            if found != kind:
                what = f"it is {'an' if found == 'integer' else 'a'} {found}" if found else "the model does not see it"
                problems.add(f"{key} names {name!r}, which is not {called} that the model sees: {what}")


def _hint(column: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(column, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"it has {', '.join(names[:_SHOWN])}{more}"
