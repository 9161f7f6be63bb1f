"""What is wrong with a model spec, in words: the key, and what would be right there."""

import difflib
import math
import re
from datetime import date, time
from importlib import metadata
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from mlyard_shared.spec.model import SPEC_VERSION

_SLUG = "use lower-case letters, digits, - and _, begin with a letter, and use at most 63 characters"
MOST_SHOWN = 20
"""Wrong keys in one error."""

LONGEST_KEY = 80
"""Characters of a key in a sentence."""

_ESTIMATOR = "give the import path of an estimator, such as sklearn.linear_model.Ridge"
_WANTED = {
    "bool_type": "give true or false",
    "dict_type": "give a table",
    "float_type": "give a number",
    "int_type": "give a whole number",
    "literal_error": "use {expected}",
    "model_type": "give a table",
    "string_too_short": "must not be empty",
    "string_too_long": "use at most {max_length} characters",
    "string_type": "give a text in quotes",
    "tuple_type": "give a list in brackets",
    "list_type": "give a list in brackets",
}


def problems(error: ValidationError, model: type[BaseModel]) -> tuple[str, ...]:
    """One sentence for each wrong key of a spec, and how many there are beyond the first ones."""
    errors = error.errors(include_url=False)
    holders = {problem["loc"][:depth] for problem in errors for depth in range(1, len(problem["loc"]))}
    # A list whose one item is wrong counts as empty for pydantic: the item's own error says it.
    wrong = [problem for problem in errors if not (problem["type"] == "too_short" and problem["loc"] in holders)]
    found = [_sentence(problem, model) for problem in wrong[:MOST_SHOWN]]
    return (*found, f"and {len(wrong) - MOST_SHOWN} more") if len(wrong) > MOST_SHOWN else tuple(found)


def printable(text: str) -> str:
    """A text from a file as part of one line: what a terminal would act on is spelt out."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def value_problems(document: Any, key: str = "") -> tuple[str, ...]:
    """The keys that hold what TOML has and a spec does not take: dates, times, nan, inf, and integers over 64 bits."""
    if isinstance(document, dict):
        nested = [value_problems(value, f"{key}.{_short(name)}".removeprefix(".")) for name, value in document.items()]
    elif isinstance(document, list):
        nested = [value_problems(value, f"{key}.{position}") for position, value in enumerate(document)]
    elif isinstance(document, date | time):
        return (f"{key}: a date or time cannot be given here; put it in quotes if you mean a text",)
    elif isinstance(document, float) and not math.isfinite(document):
        return (f"{key}: give a finite number",)
    elif isinstance(document, int) and not -(2**63) <= document < 2**63:
        return (f"{key}: give a whole number of at most 64 bits",)
    else:
        return ()
    found = [problem for problems in nested for problem in problems]
    return (*found[:MOST_SHOWN], "and more") if len(found) > MOST_SHOWN + 1 else tuple(found)


def _sentence(problem: Any, model: type[BaseModel]) -> str:
    location = tuple(part for part in problem["loc"] if part != "[key]")
    key = ".".join(_short(str(part)) for part in location)
    return f"{key}: {_wording(location, problem, model)}".removeprefix(": ")


def _short(key: str) -> str:
    return key if len(key) <= LONGEST_KEY else f"{key[:LONGEST_KEY]}…"


def _wording(location: tuple[int | str, ...], problem: Any, model: type[BaseModel]) -> str:
    kind, message = problem["type"], problem["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        if len(location) > 1 and location[-1] in _tables(model):
            name = location[-1]
            return f'unknown key; a line that begins with "{name}." belongs below [{name}], without "{name}."'
        known = _keys_beside(location, model)
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = (
            f"did you mean {close[0]}?"
            if close
            else f"known are {', '.join(known)} (contract {SPEC_VERSION} of the spec)"
        )
        return f"unknown key; {hint}"
    if (
        location == ("version",)
        and type(problem["input"]) is int
        and problem["input"] > int(SPEC_VERSION.split(".")[0])
    ):
        own = metadata.version("mlyard-shared")
        return f"mlyard-shared {own} reads contract {SPEC_VERSION} of the spec; a newer mlyard-shared reads this one"
    if kind == "missing":
        return "is missing"
    if kind == "string_pattern_mismatch":
        return _ESTIMATOR if location[-1] == "estimator" else _SLUG
    if kind == "string_too_long" and problem["ctx"]["max_length"] == 1:
        return "give a single character"
    if kind == "too_short":
        return f"give at least {problem['ctx']['min_length']}"
    if kind in _WANTED:
        return _WANTED[kind].format(**problem.get("ctx", {}))
    message = re.sub("^Input (should|must) be", "must be", message)
    return f"{message[:1].lower()}{message[1:]}"


def _tables(model: type[BaseModel]) -> list[str]:
    """The keys of a spec that hold tables of keys."""
    return [name for name, field in model.model_fields.items() if hasattr(field.annotation, "model_fields")]


def _keys_beside(location: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    beside: Any = model
    for part in location[:-1]:
        if isinstance(part, str):
            annotation = beside.model_fields[part].annotation
            beside = next((a for a in get_args(annotation) if isinstance(a, type)), annotation)
    return list(beside.model_fields)
