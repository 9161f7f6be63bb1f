"""Tensors become a model's columns, or are refused: nothing is changed in silence."""

import json
import time
from typing import Any

import numpy as np
import pytest
from mlyard_model_api.errors import BrokenBody, InputRefused, RequestRefused, TooManyRows
from mlyard_shared.schema import Column, Schema

from .v2_requests import in_bytes, manifest, read, tensor, texts

NUMBERS = Schema(
    columns=(
        Column(name="size", type="number", nullable=True, example=1.5),
        Column(name="count", type="integer", nullable=False, example=1),
    )
)
PRICES = manifest(NUMBERS, classes=())


def two(**columns: dict[str, Any]) -> dict[str, Any]:
    """A right request of the model of numbers, with other tensors in place of its own."""
    given = {"size": tensor("size", "FP64", [1.5, 2.5]), "count": tensor("count", "INT64", [1, 2])} | columns
    return {"inputs": list(given.values())}


def values(document: Any, **more: Any) -> dict[str, list[Any]]:
    return {name: array.tolist() for name, array in read(document, PRICES, **more).items()}


def problems(document: Any, **more: Any) -> list[tuple[int | None, str | None, str]]:
    with pytest.raises(InputRefused) as caught:
        read(document, PRICES, **more)
    return [(problem.row, problem.column, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("given", "size"),
    [
        pytest.param(tensor("size", "FP64", [1.5, 2]), [1.5, 2.0], id="numbers"),
        pytest.param(tensor("size", "FP64", [1.5, 2], [2, 1]), [1.5, 2.0], id="flat in two dimensions"),
        pytest.param(tensor("size", "FP64", [[1.5], [2]], [2, 1]), [1.5, 2.0], id="nested as its shape"),
        pytest.param(tensor("size", "FP32", [0.1, 2]), [float(np.float32(0.1)), 2.0], id="of another precision"),
        pytest.param(tensor("size", "FP16", [0.5, 2]), [0.5, 2.0], id="of half precision"),
        pytest.param(tensor("size", "INT8", [-128, 127]), [-128.0, 127.0], id="small integers"),
        pytest.param(tensor("size", "UINT64", [0, 2**53]), [0.0, 2.0**53], id="large integers"),
    ],
)
def test_a_number_takes_every_datatype_that_keeps_its_value(given: dict[str, Any], size: list[float]) -> None:
    assert values(two(size=given)) == {"size": size, "count": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        pytest.param("count", tensor("count", "FP64", [1, 2]), "wrong_datatype", id="floats for integers"),
        pytest.param("size", tensor("size", "BOOL", [True, False]), "wrong_datatype", id="booleans for numbers"),
        pytest.param("size", tensor("size", "BYTES", ["1", "2"]), "wrong_datatype", id="texts for numbers"),
        pytest.param("size", tensor("size", "BF16", [1, 2]), "wrong_datatype", id="a datatype that is unknown"),
        pytest.param("size", tensor("size", "fp64", [1, 2]), "wrong_datatype", id="a datatype in lower case"),
        pytest.param("size", tensor("size", "FP64", [1, 2], [1, 2]), "wrong_shape", id="a row for a column"),
        pytest.param("size", tensor("size", "FP64", [1, 2], [2, 1, 1]), "wrong_shape", id="three dimensions"),
        pytest.param("size", tensor("size", "FP64", [1, 2], []), "wrong_shape", id="no dimension"),
        pytest.param("size", tensor("size", "FP64", [1, 2], [-1]), "wrong_shape", id="a negative dimension"),
        pytest.param("size", tensor("size", "FP64", [1, 2], [True]), "wrong_shape", id="true as a dimension"),
        pytest.param("size", tensor("size", "FP64", [1, 2], [2.0]), "wrong_shape", id="a fraction as a dimension"),
        pytest.param("size", tensor("size", "FP64", [1], [2]), "wrong_shape", id="too few values"),
        pytest.param("size", tensor("size", "FP64", [1, 2, 3], [2]), "wrong_shape", id="too many values"),
        pytest.param("size", tensor("size", "FP64", [[1, 2]], [2, 1]), "wrong_shape", id="nested otherwise"),
        pytest.param("size", tensor("size", "FP64", [[1], 2], [2, 1]), "wrong_shape", id="nested in part"),
        pytest.param("size", tensor("size", "FP64", [1, 2], [2, 2**60]), "wrong_shape", id="2^60 columns"),
        pytest.param("size", tensor("size", "FP64", [1, 2, 3], [3]), "unequal_lengths", id="other lengths"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused_by_its_name(name: str, given: dict[str, Any], code: str) -> None:
    found = problems(two(**{name: given}))
    assert code in {problem for _, _, problem in found}
    assert found[0][0] is None


@pytest.mark.parametrize(
    ("name", "given", "row", "code"),
    [
        pytest.param("count", tensor("count", "INT64", [1, 1.5]), 1, "wrong_type", id="a fraction"),
        pytest.param("count", tensor("count", "INT64", [1.0, float("nan")]), 1, "wrong_type", id="NaN"),
        pytest.param("count", tensor("count", "INT64", [1.0, 1e300]), 1, "out_of_range", id="a float beyond 64 bits"),
        pytest.param("count", tensor("count", "INT64", [True, 2]), 0, "wrong_type", id="true"),
        pytest.param("count", tensor("count", "INT64", [1, "2"]), 1, "wrong_type", id="a text"),
        pytest.param("count", tensor("count", "INT64", [1, [2]]), 1, "wrong_type", id="a list"),
        pytest.param("count", tensor("count", "INT64", [1, {}]), 1, "wrong_type", id="an object"),
        pytest.param("count", tensor("count", "INT64", [1, None]), 1, "null", id="null"),
        pytest.param("count", tensor("count", "INT8", [1, 128]), 1, "out_of_range", id="beyond its datatype"),
        pytest.param("count", tensor("count", "UINT8", [1, -1]), 1, "out_of_range", id="below its datatype"),
        pytest.param("count", tensor("count", "INT64", [1, 2**63]), 1, "out_of_range", id="beyond 64 bits"),
        pytest.param("count", tensor("count", "INT64", [2**53, 1]), 0, "out_of_range", id="2^53"),
        pytest.param("count", tensor("count", "INT64", [-(2**63), 1]), 0, "out_of_range", id="the least integer"),
        pytest.param("size", tensor("size", "INT64", [1, 2**53 + 1]), 1, "out_of_range", id="no float64"),
        pytest.param("size", tensor("size", "UINT64", [1, 2**64 - 1]), 1, "out_of_range", id="the largest integer"),
        pytest.param("size", tensor("size", "FP64", [1, float("inf")]), 1, "not_finite", id="infinity"),
        pytest.param("size", tensor("size", "FP64", [1, 1e39]), 1, "out_of_range", id="beyond float32"),
        pytest.param("size", tensor("size", "FP64", [10**400, 1]), 0, "out_of_range", id="beyond float64"),
        pytest.param("size", tensor("size", "FP32", [1, 1e39]), 1, "out_of_range", id="beyond FP32"),
        pytest.param("size", tensor("size", "FP16", [70000, 1]), 0, "out_of_range", id="beyond FP16"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_place(name: str, given: Any, row: int, code: str) -> None:
    assert problems(two(**{name: given})) == [(row, name, code)]


def test_floats_of_a_client_that_knows_no_other_numbers_are_read_where_they_are_whole() -> None:
    assert values(two(count=tensor("count", "INT64", [1.0, 2]))) == values(two())
    schema = Schema(columns=(Column(name="a", type="boolean", nullable=False, example=True),))
    document = {"inputs": [tensor("a", "BOOL", [1.0, 0.0, True])]}
    assert read(document, manifest(schema))["a"].tolist() == [1.0, 0.0, 1.0]
    for wrong in (1, 2.0, 0.5, "true"):
        with pytest.raises(InputRefused, match="must be true or false"):
            read({"inputs": [tensor("a", "BOOL", [True, wrong])]}, manifest(schema))


def test_an_input_of_an_unknown_datatype_is_not_missing() -> None:
    assert problems(two(size=tensor("size", "BF16", [1, 2]))) == [(None, "size", "wrong_datatype")]


def test_a_missing_value_is_null_or_nan_or_marked() -> None:
    document = two(size=tensor("size", "FP64", [None, 1.5, float("nan"), 2.5]), count=tensor("count", "INT8", [1] * 4))
    document["inputs"].append(tensor("size.missing", "BOOL", [False, False, False, True]))
    assert np.isnan(values(document)["size"]).tolist() == [True, False, True, True]
    assert problems(two(more=tensor("count.missing", "BOOL", [False, True]))) == [(1, "count", "null")]
    assert problems(two(more=tensor("count.missing", "INT8", [0, 1])))[0][2] == "wrong_datatype"
    assert problems(two(more=tensor("other.missing", "BOOL", [False, True])))[0][2] == "unknown_column"


@pytest.mark.parametrize(("datatype", "signal"), [("FP32", b"\x01\0\x80\x7f"), ("FP64", b"\x01\0\0\0\0\0\xf0\x7f")])
def test_every_nan_in_bytes_is_one_that_numpy_says_nothing_about(datatype: str, signal: bytes) -> None:
    numbers = np.frombuffer(signal * 2, dtype=f"<f{len(signal)}")
    body, length = in_bytes(("size", datatype, numbers), ("count", "INT64", np.array([1, 2])))
    assert np.isnan(values(body, length=length)["size"]).all()
    body, length = in_bytes(("inputs", datatype, numbers.reshape(1, 2)))
    assert problems(body, length=length) == [(0, "count", "not_finite")]


def test_numbers_may_come_as_one_matrix() -> None:
    wanted = {"size": [1.5, 2.5], "count": [1.0, 2.0]}
    assert values({"inputs": [tensor("inputs", "FP64", [[1.5, 1], [2.5, 2]], [2, 2])]}) == wanted
    assert values({"inputs": [tensor("inputs", "FP32", [1.5, 1, 2.5, 2], [2, 2])]}) == wanted
    body, length = in_bytes(("inputs", "FP64", np.array([[1.5, 1], [2.5, 2]])))
    assert values(body, length=length) == wanted
    marks = tensor("inputs.missing", "BOOL", [[True, False], [False, False]], [2, 2])
    found = values({"inputs": [tensor("inputs", "FP64", [1.5, 1, 2.5, 2], [2, 2]), marks]})
    assert np.isnan(found["size"]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([[1, 1.5]], (0, "count", "wrong_type"), id="a fraction for an integer"),
        pytest.param([[1, 1], [2, float("nan")]], (1, "count", "not_finite"), id="NaN for an integer"),
        pytest.param([[1, 1], [2, None]], (1, "count", "null"), id="null for an integer"),
        pytest.param([[1, 1], [2, True]], (1, "count", "wrong_type"), id="true for an integer"),
        pytest.param([[1, 1], [float("inf"), 1]], (1, "size", "not_finite"), id="infinity"),
        pytest.param([[1, 1], [1, 2.0**53]], (1, "count", "out_of_range"), id="2^53"),
    ],
)
def test_a_value_of_a_matrix_is_refused_by_its_row_and_column(given: list[Any], expected: Any) -> None:
    assert problems({"inputs": [tensor("inputs", "FP64", given, [len(given), 2])]}) == [expected]


def test_a_matrix_stands_alone_and_only_for_numbers() -> None:
    matrix = tensor("inputs", "FP64", [1.5, 1], [1, 2])
    assert problems({"inputs": [matrix, tensor("size", "FP64", [1])]})[0] == (None, "size", "duplicate_column")
    assert problems({"inputs": [matrix, matrix]})[0] == (None, "inputs", "duplicate_column")
    with pytest.raises(InputRefused, match="not an input"):
        read({"inputs": [tensor("inputs", "FP64", [1] * 6, [1, 6])]})


def test_every_type_of_column_is_read_in_json_and_in_bytes() -> None:
    given: list[tuple[str, str, Any]] = [
        ("bill", "FP64", np.array([45.5, np.nan])),
        ("mass", "INT64", np.array([4200, 3000])),
        ("sex", "BYTES", ["male", "female"]),
        ("island", "BYTES", ["Dream", "grün"]),
        ("tagged", "BOOL", np.array([True, False])),
        ("seen", "BYTES", ["2026-05-01", "2026-03-31T18:30:00Z"]),
        ("sex.missing", "BOOL", np.array([True, False])),
    ]
    body, length = in_bytes(*given)
    found = read(body, length=length)
    document = {
        "inputs": [
            tensor(name, datatype, [None if value != value else value for value in np.asarray(data).tolist()])
            for name, datatype, data in given
        ]
    }
    for columns in (found, read(document)):
        assert np.isnan(columns["bill"]).tolist() == [False, True]
        assert columns["mass"].tolist() == [4200.0, 3000.0]
        assert columns["sex"].tolist() == [None, "female"]
        assert columns["island"].tolist() == ["Dream", "grün"]
        assert columns["tagged"].tolist() == [1.0, 0.0]
        assert [str(date) for date in columns["seen"]] == ["2026-05-01T00:00:00.000000", "2026-03-31T18:30:00.000000"]


@pytest.mark.parametrize(
    ("size", "behind", "error"),
    [
        pytest.param(17, b"x" * 16, BrokenBody, id="more than there is"),
        pytest.param(2**60, b"x" * 16, BrokenBody, id="2^60"),
        pytest.param(8, b"x" * 8, InputRefused, id="too few for the shape"),
        pytest.param(16, b"x" * 17, BrokenBody, id="bytes that are left"),
        pytest.param(-1, b"x" * 16, InputRefused, id="negative"),
        pytest.param(True, b"x" * 16, InputRefused, id="true"),
        pytest.param("16", b"x" * 16, InputRefused, id="a text"),
        pytest.param(None, b"x" * 16, InputRefused, id="null"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(size: Any, behind: bytes, error: type[Exception]) -> None:
    given = {"name": "size", "datatype": "FP64", "shape": [2], "parameters": {"binary_data_size": size}}
    document = two(size=given)
    header = json.dumps(document).encode()
    with pytest.raises(error):
        read(header + behind, PRICES, length=len(header))


def test_a_right_body_with_a_byte_more_or_less_is_refused() -> None:
    for body, length in (
        in_bytes(("size", "FP64", np.array([1.5])), ("count", "INT64", np.array([1]))),
        in_bytes(("inputs", "FP64", np.array([[1.5, 1.0]]))),
    ):
        assert values(body, length=length) == {"size": [1.5], "count": [1.0]}
        for wrong in (body + b"x", body[:-1]):
            with pytest.raises(BrokenBody):
                read(wrong, PRICES, length=length)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        pytest.param(texts(["ab"]), "too few", id="too few elements"),
        pytest.param(texts(["ab", "c"])[:-1], "ends within", id="cut"),
        pytest.param(texts(["ab", "c"]) + b"x", "behind its last", id="too long"),
        pytest.param(b"\xff\xff\xff\xffabcdefgh", "ends within", id="a length of 2^32"),
        pytest.param(texts(["ab"]) + b"\x01\0\0\0\xff", "UTF-8", id="not UTF-8"),
    ],
)
def test_texts_in_bytes_that_are_broken_are_refused(data: bytes, match: str) -> None:
    schema = Schema(columns=(Column(name="a", type="category", nullable=False, categories=("ab",), unseen="accept"),))
    given = {"name": "a", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(data)}}
    header = json.dumps({"inputs": [given]}).encode()
    with pytest.raises(InputRefused, match=match):
        read(header + data, manifest(schema), length=len(header))


def test_a_boolean_in_bytes_is_0_or_1() -> None:
    schema = Schema(columns=(Column(name="a", type="boolean", nullable=False, example=True),))
    body, length = in_bytes(("a", "BOOL", np.array([0, 2], dtype=np.uint8)))
    with pytest.raises(InputRefused, match="0 and 1"):
        read(body, manifest(schema), length=length)


@pytest.mark.parametrize("rows", [101, 2**31, 2**60, 2**64, 10**300])
def test_more_rows_than_may_be_are_refused_before_any_is_read(rows: int) -> None:
    started = time.perf_counter()
    with pytest.raises(TooManyRows):
        read(two(size=tensor("size", "FP64", [1], [rows]), count=tensor("count", "INT64", [1], [rows])), PRICES)
    body, length = in_bytes(("size", "FP64", np.ones(1)), ("count", "INT64", np.ones(1, dtype=np.int64)))
    with pytest.raises(RequestRefused):
        read(body.replace(b"[1]", b"[%d]" % rows), PRICES, length=length + 2 * (len(str(rows)) - 1))
    assert time.perf_counter() - started < 1


def test_names_may_be_in_any_unicode_form() -> None:
    schema = Schema(columns=(Column(name="größe", type="number", nullable=True, example=1.0),))
    document = {"inputs": [tensor("gro\u0308ße", "FP64", [1]), tensor("gro\u0308ße.missing", "BOOL", [True])]}
    assert np.isnan(read(document, manifest(schema))["größe"]).all()
    with pytest.raises(InputRefused, match="not an input"):
        read(document, manifest(schema, grammar=1))


def test_the_first_problems_are_those_of_the_first_rows() -> None:
    document = two(
        size=tensor("size", "FP64", [1e39 if row > 5 else 1 for row in range(90)]),
        count=tensor("count", "INT64", [2**60 if row == 7 else 1 for row in range(90)]),
    )
    found = problems(document)
    assert found[:3] == [(6, "size", "out_of_range"), (7, "size", "out_of_range"), (7, "count", "out_of_range")]
    assert len(found) == 20
