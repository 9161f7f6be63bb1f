"""What is wrong with a model spec, in words: the key, and what would be right there."""

import difflib
import math
import re
from datetime import date, time
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

_SLUG = "use lower-case letters, digits, - and _, beginning with a letter, 63 at the most"
_ESTIMATOR = "give the import path of a scikit-learn estimator, such as sklearn.linear_model.Ridge"
_WANTED = {
    "bool_type": "give true or false",
    "dict_type": "give a table",
    "float_type": "give a number",
    "int_type": "give a whole number",
    "literal_error": "use {expected}",
    "model_type": "give a table",
    "string_too_short": "must not be empty",
    "string_too_long": "use {max_length} characters at the most",
    "string_type": "give a text in quotes",
    "tuple_type": "give a list in brackets",
    "list_type": "give a list in brackets",
}


def problems(error: ValidationError, model: type[BaseModel]) -> tuple[str, ...]:
    """One sentence for each wrong key of a spec."""
    errors = error.errors(include_url=False)
    wrong = [problem["loc"] for problem in errors]
    found: list[str] = []
    for problem in errors:
        location = tuple(part for part in problem["loc"] if part != "[key]")
        # A list whose one item is wrong counts as empty for pydantic: the item's own error says it.
        if problem["type"] == "too_short" and any(o != location and o[: len(location)] == location for o in wrong):
            continue
        key = ".".join(str(part) for part in location)
        found.append(f"{key}: {_wording(location, problem, model)}".removeprefix(": "))
    return tuple(found)


def value_problems(document: Any, key: str = "") -> tuple[str, ...]:
    """The keys that hold what TOML has and no key of a spec takes: dates, times, nan and inf."""
    if isinstance(document, dict):
        nested = [value_problems(value, f"{key}.{name}".removeprefix(".")) for name, value in document.items()]
    elif isinstance(document, list):
        nested = [value_problems(value, f"{key}.{position}") for position, value in enumerate(document)]
    elif isinstance(document, date | time):
        return (f"{key}: a spec holds no dates; put it in quotes if a text is meant",)
    elif isinstance(document, float) and not math.isfinite(document):
        return (f"{key}: give a finite number",)
    else:
        return ()
    return tuple(problem for problems in nested for problem in problems)


def _wording(location: tuple[int | str, ...], problem: Any, model: type[BaseModel]) -> str:
    kind, message = problem["type"], problem["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        known = _keys_beside(location, model)
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        return f"unknown key; {hint}"
    if kind == "missing":
        return "is missing"
    if kind == "string_pattern_mismatch":
        return _ESTIMATOR if location[-1] == "estimator" else _SLUG
    if kind == "too_short":
        return f"give at least {problem['ctx']['min_length']}"
    if kind in _WANTED:
        return _WANTED[kind].format(**problem.get("ctx", {}))
    message = re.sub("^Input (should|must) be", "must be", message)
    return f"{message[:1].lower()}{message[1:]}"


def _keys_beside(location: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    beside: Any = model
    for part in location[:-1]:
        if isinstance(part, str):
            annotation = beside.model_fields[part].annotation
            beside = next((a for a in get_args(annotation) if isinstance(a, type)), annotation)
    return list(beside.model_fields)
