"""Requests of MLflow's scoring protocol in JSON: each of the four forms, and what random changes make of them."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from fuzzing import documents, tensors
from mlyard_shared.schema import Column

TOKENS = [
    *tensors.TOKENS,
    *(b'"columns":', b'"index":', b'"inputs":', b'"instances":', b'"params":', b'"dataframe_records":'),
]


def body(draw: Random, columns: Sequence[Column]) -> bytes:
    """One body: about a third of them are right."""
    wrong = draw.choice((0, 0, 0, 0.05, 0.3))
    count = draw.choice((1, 1, 2, 3, documents.MAX_ROWS) if draw.random() > wrong else (0, documents.MAX_ROWS + 1))
    names = [column.name for column in columns]
    rows = [[_cell(draw, column, wrong) for column in columns] for _ in range(count)]
    request = dict([_form(draw, names, rows)])
    if draw.random() < 0.1:
        request["params"] = draw.choice([{}, None, {"a": 1}, []] if wrong else [{}, None])
    if draw.random() < wrong / 3:
        request[draw.choice(("inputs", "instances", "x"))] = draw.choice(tensors.ODD)
    result = bytearray(json.dumps(request, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass"))
    if draw.random() < 0.3:
        for _ in range(draw.choice((1, 1, 2, 5))):
            documents.change(draw, result, TOKENS)
    return bytes(result)


def _form(draw: Random, names: list[str], rows: list[list[Any]]) -> tuple[str, Any]:
    records = [dict(zip(names, row, strict=True)) for row in rows]
    split: dict[str, Any] = {"columns": names, "data": rows}
    if draw.random() < 0.3:
        split.pop("columns")
    if draw.random() < 0.3:
        split["index"] = list(range(len(rows)))
    by_column = {name: [row[position] for row in rows] for position, name in enumerate(names)}
    return draw.choice(
        [
            ("dataframe_split", split),
            ("dataframe_records", records),
            ("instances", draw.choice([records, rows])),
            ("inputs", draw.choice([records, rows, by_column, records[0] if records else {}])),
        ]
    )


def _cell(draw: Random, column: Column, wrong: float) -> Any:
    if draw.random() < wrong:
        return draw.choice(tensors.ODD)
    if column.nullable and draw.random() < 0.2:
        return draw.choice((None, float("nan")))
    return json.loads(draw.choice(documents.RIGHT[column.type]))
