"""From a version's schema to JSON Schema, as OpenAPI 3.0 has it: a cell, a row, columns, an answer."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from mlyard_shared.columns import GRAMMARS, Grammar
from mlyard_shared.columns.grammar import MAX_NUMBER
from mlyard_shared.manifest import Manifest
from mlyard_shared.schema import Column, Value

Json = dict[str, Any]

MOST_CATEGORIES = 1000
"""More of them are told by their number: the model's own page has all."""
_MONTH_AND_DAY = r"(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31"
_LEAP_DAY = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29"
_YEAR = r"(000[2-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_FRACTION = r"(:[0-5][0-9](\.[0-9]{1,9})?)?"
_OFFSETS = {
    1: rf"(Z|[+-]{_CLOCK})?",
    2: r"(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?",
}


def cell(column: Column, grammar: Grammar) -> Json:
    """What a value of the column may be in JSON."""
    described = _KINDS[column.type](column, grammar)
    if column.nullable:
        described["nullable"] = True
        if "enum" in described:
            described["enum"] = [*described["enum"], None]
    if column.example is not None:
        described["example"] = column.example
    return described


def row(manifest: Manifest) -> Json:
    """A record: each column by its name."""
    grammar = GRAMMARS[manifest.grammar]
    columns = manifest.input_schema.columns
    return {
        "type": "object",
        "properties": {column.name: cell(column, grammar) for column in columns},
        "required": [column.name for column in columns],
        "additionalProperties": False,
        "example": example_row(manifest),
    }


def columns(manifest: Manifest) -> Json:
    """Lists of equal length by the names of the columns."""
    grammar = GRAMMARS[manifest.grammar]
    names = manifest.input_schema.columns
    return {
        "type": "object",
        "description": "Lists of equal length: the value of each row.",
        "properties": {
            column.name: {"type": "array", "items": cell(column, grammar), "minItems": 1} for column in names
        },
        "required": [column.name for column in names],
        "additionalProperties": False,
        "example": {name: [value] for name, value in example_row(manifest).items()},
    }


def example_row(manifest: Manifest) -> dict[str, Value | None]:
    """The row that the version was tried on."""
    return {column.name: column.example for column in manifest.input_schema.columns}


def example_csv(manifest: Manifest) -> str:
    """The same row as a table in CSV, with its header."""
    text = io.StringIO()
    values = [
        value if value is None or isinstance(value, str) else json.dumps(value)
        for value in example_row(manifest).values()
    ]
    csv.writer(text, lineterminator="\n").writerows([example_row(manifest), values])
    return text.getvalue()


def label(manifest: Manifest) -> Json:
    """What the version predicts."""
    if not manifest.classes:
        return {"type": "number", "description": f"{manifest.target}, predicted."}
    return {
        **kinds(manifest.classes),
        "enum": list(manifest.classes),
        "description": f"The class of {manifest.target}.",
    }


def kinds(values: Sequence[Value]) -> Json:
    """The type of values that are alike."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    found = {names[type(value)] for value in values}
    return {"type": found.pop()} if len(found) == 1 else {}


def _number(_column: Column, _grammar: Grammar) -> Json:
    return {"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}


def _integer(_column: Column, grammar: Grammar) -> Json:
    return {
        "type": "integer",
        "format": "int64",
        "minimum": -grammar.max_integer,
        "maximum": grammar.max_integer,
        "description": "Written without a decimal point or an exponent.",
    }


def _boolean(_column: Column, _grammar: Grammar) -> Json:
    return {"type": "boolean"}


def _category(column: Column, grammar: Grammar) -> Json:
    described: Json = {"type": "string"}
    number = len(column.categories)
    if column.unseen == "refuse" and number <= MOST_CATEGORIES:
        return {**described, "enum": list(column.categories)}
    if column.unseen == "refuse":
        return {**described, "description": f"One of {number} categories, which the model's own page lists."}
    described["pattern"] = r"^[^\u0000]*$"
    if grammar.max_text is not None:
        described["maxLength"] = grammar.max_text
    if grammar.reserved:
        described["not"] = {"enum": sorted(grammar.reserved)}
    known = f": {', '.join(column.categories)}" if number <= MOST_CATEGORIES else ""
    return {**described, "description": f"Any text; {number} were in training{known}."}


def _datetime(_column: Column, grammar: Grammar) -> Json:
    clock = rf"([T ]{_CLOCK}{_FRACTION}{_OFFSETS[grammar.version]})?"
    return {
        "type": "string",
        "pattern": f"^({_YEAR}-({_MONTH_AND_DAY})|{_LEAP_DAY}){clock}$",
        "description": "An ISO 8601 date, or date and time; UTC where no offset is given.",
    }


_KINDS = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "category": _category,
    "datetime": _datetime,
}
