"""The commented TOML of a draft: every choice with its reason, for any name of a column."""

import json
from collections.abc import Iterator
from typing import Any

from mlyard_shared.spec.problems import printable

from mlyard_training_pipeline.data import advice
from mlyard_training_pipeline.starter.draft import Draft

_WIDTH = 118


def written(draft: Draft) -> str:
    """The document."""
    return "\n".join([*_head(draft), *_source(draft), *_features(draft), *_candidates(draft), *_gate(draft), ""])


def _head(draft: Draft) -> Iterator[str]:
    why = draft.why
    yield "# A first model of this table. What every key means: README.md of mlyard-training-pipeline."
    yield "version = 1"
    yield _said("name", draft.name)
    yield _said("task", draft.task, why.get("task"))
    yield _said("target", draft.target)
    yield _said("metric", draft.metric, why.get("metric"))
    if draft.key is not None:
        yield _said("key", [draft.key], why.get("key"))
    if draft.event_time is not None:
        yield _said("event_time", draft.event_time, why.get("event_time"))
    yield _said("folds", draft.folds, "each candidate is fitted so many times, and judged on the part it has not seen")


def _source(draft: Draft) -> Iterator[str]:
    yield ""
    yield "[source]"
    for key, value in draft.source.items():
        yield _said(key, value, draft.why.get(key))


def _features(draft: Draft) -> Iterator[str]:
    left = {name: why for name, why in draft.left.items() if name not in (draft.key, draft.event_time)}
    if left or draft.types:
        yield ""
        yield "[features]"
    if left:
        yield "# What the model does not see; take a line out to let it see the column."
        yield "leave_out = ["
        yield from (f"  {advice.quoted(name)}, # {printable(why)}" for name, why in left.items())
        yield "]"
    if draft.types:
        yield "# Types that are not what the values look like at first sight."
        yield from (advice.line("types", kind, column=name) for name, kind in draft.types.items())
    yield ""
    yield "[holdout]"
    if draft.key is None and draft.event_time is None:
        yield _said("by", "row", "no column tells rows apart: name one as key if the table is to be trained on again")
    yield _said("fraction", 0.2, "the share of the rows that no candidate sees, by which the winner is judged")
    if draft.event_time is not None:
        yield '# embargo = "7d" # nothing of that time before is trained on: for what is known of a row only later'
    elif draft.task == "classification":
        yield "# stratify = true # holds the same share of each class out, where one is rare"


def _candidates(draft: Draft) -> Iterator[str]:
    for candidate in draft.candidates:
        yield ""
        yield f"# {candidate['why'][:1].upper()}{candidate['why'][1:]}."
        yield "[[candidates]]"
        yield from (f"{key} = {_value(value)}" for key, value in candidate.items() if key != "why")


def _gate(draft: Draft) -> Iterator[str]:
    yield ""
    if draft.task == "classification":
        yield "# What a model has to reach before it may be promoted, beside beating the one before it:"
        yield "# [gate]"
        yield f"# minimum = 0.8 # of {draft.metric}"
        yield ""
    yield "# When to train again:"
    yield '# schedule = "0 3 * * 1" # each Monday at 3:00; it belongs to the top, above [source]'


def _said(key: str, value: Any, why: str | None = None) -> str:
    line = f"{key} = {_value(value)}"
    if why is None:
        return line
    comment = f"# {printable(why)}"
    return f"{line} {comment}" if len(line) + len(comment) < _WIDTH else f"{comment}\n{line}"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return advice.quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_value(item)}' for key, item in value.items())} }}"
    return json.dumps(value)
