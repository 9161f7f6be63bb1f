"""The examples of `mlyard_shared.columns`, which the training pipeline is tested against too, as real requests."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from mlyard_model_api.protocols import rows
from mlyard_model_api.protocols.documents import parse
from mlyard_shared.columns import GRAMMARS, ColumnType
from mlyard_shared.columns.examples import EXAMPLES, Example
from mlyard_shared.schema import Column, DateExpansion, Schema

from .conftest import Start
from .fake_registry import FakeRegistry
from .versions import regressor, write_version

pytestmark = pytest.mark.anyio

KINDS: tuple[ColumnType, ...] = get_args(ColumnType)


def schema(kind: ColumnType) -> Schema:
    known = ("known",) if kind == "category" else ()
    column = Column(name="x", type=kind, nullable=True, categories=known, unseen="accept")
    dates = (DateExpansion(column="x", parts=("year",)),) if kind == "datetime" else ()
    return Schema(columns=(column,), dates=dates)


def of_requests(kind: ColumnType) -> list[Example]:
    return [example for example in EXAMPLES if example.type == kind and example.json is not None]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_request_is_taken_or_refused_as_a_table_is(
    start: Start, registry: FakeRegistry, tmp_path: Path, kind: ColumnType
) -> None:
    digest = write_version(tmp_path / "v", regressor(1.0), name="cells", schema=schema(kind), classes=())
    registry.register("cells", 1, tmp_path / "v", digest)
    registry.promote("cells", 1)
    examples = of_requests(kind)
    assert {example.fault is None for example in examples} == {True, False}
    async with start() as client:
        for example in examples:
            for body in (f'{{"rows": [{{"x": {example.json}}}]}}', f'{{"columns": {{"x": [{example.json}]}}}}'):
                response = await client.post(
                    "/models/cells/predict", content=body.encode(), headers={"Content-Type": "application/json"}
                )
                code = None if response.status_code == 200 else response.json()["error"]["code"]
                assert code == example.fault, (example.json, response.text)
                assert response.status_code == (200 if example.fault is None else 422)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_taken_has_the_value_that_it_has_in_a_table(kind: ColumnType) -> None:
    for example in of_requests(kind):
        if example.fault is None:
            document = parse(f'{{"rows": [{{"x": {example.json}}}]}}'.encode(), rows=1, columns=1)
            [found] = rows.read(document, schema(kind), GRAMMARS[2], max_rows=1)["x"]
            if kind == "datetime":
                assert found == np.datetime64(str(example.value), "us"), example
            else:
                assert found == example.value, example


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_column_of_right_values_is_read_at_once(kind: ColumnType) -> None:
    right = [json.loads(str(example.json)) for example in of_requests(kind) if example.fault is None]
    columns = rows.read({"columns": {"x": [*right, None]}}, schema(kind), GRAMMARS[2], max_rows=10_000)
    assert len(columns["x"]) == len(right) + 1
