import contextlib
import json
import time
from random import Random
from typing import Any

import pytest
from mlyard_model_api.errors import InputRefused, Problem
from mlyard_model_api.protocols import native, rows
from mlyard_shared.columns import GRAMMARS
from mlyard_shared.schema import Column, Schema

WIDE = Schema(
    columns=tuple(Column(name=f"feature_{i:04}", type="integer", nullable=False, example=1) for i in range(2000))
)


def test_one_problem_without_a_place_is_not_told_twice() -> None:
    def problems(*, row: int | None) -> list[Any]:
        answer = native.PROTOCOL.refuse(400, "a", [Problem(code="a", message="b", row=row)])
        listed: list[Any] = json.loads(answer.body)["error"]["problems"]
        return listed

    assert problems(row=None) == []
    assert len(problems(row=1)) == 1


def wide_rows() -> list[dict[str, Any]]:
    return [{column.name: 1 for column in WIDE.columns} for _ in range(350)]


def seconds(document: Any, schema: Schema = WIDE) -> float:
    """The best time of three to read a document, or to refuse it."""
    times = []
    for _ in range(3):
        started = time.process_time()
        with contextlib.suppress(InputRefused):
            rows.read(document, schema, GRAMMARS[2], max_rows=100_000)
        times.append(time.process_time() - started)
    return min(times)


@pytest.fixture(scope="module")
def right() -> float:
    return seconds({"rows": wide_rows()})


def test_a_wrong_name_in_the_last_of_many_columns_is_refused_as_fast_as_it_would_be_answered(right: float) -> None:
    found = wide_rows()
    found[-1]["feature_x"] = found[-1].pop("feature_1999")
    assert seconds({"rows": found}) < 3 * right
    for row in found[:-1]:
        row["feature_x"] = row.pop("feature_1999")
    assert seconds({"rows": found}) < 3 * right


def test_wrong_values_in_all_of_many_columns_are_refused_as_fast(right: float) -> None:
    found = wide_rows()
    for name in found[-1]:
        found[-1][name] = "x"
    assert seconds({"rows": found}) < 4 * right
    for wrong in ("x", float("nan"), 1e39):
        for row in found:
            for name in row:
                row[name] = wrong
        assert seconds({"rows": found}) < 4 * right, wrong


def test_the_first_problems_are_told_whatever_is_wrong_behind_them() -> None:
    draw = Random(4)
    columns = tuple(Column(name=f"x{i}", type="number", nullable=False, example=1.0) for i in range(40))
    for _ in range(50):
        share = draw.choice((0.001, 0.05, 0.5, 1))
        found = [{column.name: "x" if draw.random() < share else 1 for column in columns} for _ in range(60)]
        wrong = [(row, name) for row, values in enumerate(found) for name, value in values.items() if value == "x"]
        if not wrong:
            continue
        with pytest.raises(InputRefused) as caught:
            rows.read({"rows": found}, Schema(columns=columns), GRAMMARS[2], max_rows=100)
        assert [(problem.row, problem.column) for problem in caught.value.problems] == wrong[:20]


def test_names_in_another_form_are_read_as_fast(right: float) -> None:
    schema = Schema(columns=tuple(column.model_copy(update={"name": f"é{column.name}"}) for column in WIDE.columns))
    found = [{f"e\u0301{name}": value for name, value in row.items()} for row in wide_rows()]
    assert seconds({"rows": found}, schema) < 12 * right


@pytest.mark.parametrize("wrong", [[9_999], range(0, 10_000, 100), range(5_000, 5_030), range(10_000)])
def test_wrong_values_are_found_in_about_the_time_of_reading(wrong: Any) -> None:
    column = Column(name="a", type="datetime", nullable=False, example="2026-01-01")
    values = ["2026-01-01"] * 10_000
    schema = Schema.model_construct(columns=(column,), dates=())
    right = seconds({"columns": {"a": values}}, schema)
    for row in wrong:
        values[row] = "2026-13-01"
    assert seconds({"columns": {"a": values}}, schema) < 6 * right
    with pytest.raises(InputRefused) as caught:
        rows.read({"columns": {"a": values}}, schema, GRAMMARS[2], max_rows=10_000)
    assert [problem.row for problem in caught.value.problems] == list(wrong)[:20]


def test_the_first_problems_are_those_of_the_first_rows_whatever_their_column() -> None:
    found = wide_rows()
    for column in WIDE.columns:
        found[300][column.name] = None
    found[7]["feature_1999"] = None
    with pytest.raises(InputRefused) as caught:
        rows.read({"rows": found}, WIDE, GRAMMARS[2], max_rows=1000)
    places = [(problem.row, problem.column) for problem in caught.value.problems]
    assert places == [(7, "feature_1999"), *((300, f"feature_{i:04}") for i in range(19))]
