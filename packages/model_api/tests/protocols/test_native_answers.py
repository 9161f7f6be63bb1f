import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from mlyard_model_api.errors import InputRefused, QueryRefused
from mlyard_model_api.prediction import Predictions
from mlyard_model_api.protocols import arrow_answers, native_answers
from mlyard_model_api.protocols.outputs import Outputs
from mlyard_model_api.serving.version import Reference
from mlyard_shared.decision import Decision

RULE = Decision(kind="threshold", threshold=0.7)
SURE = np.array([[0.25, 0.75], [1.0, 0.0]])


def predictions(**changes: Any) -> Predictions:
    facts: dict[str, Any] = {
        "version": Reference(name="penguins", version=3, digest="0" * 64),
        "at": datetime.now(UTC),
        "ids": ["a", "b"],
        "values": [True, False],
        "classes": (False, True),
        "probabilities": SURE,
    }
    return Predictions(**(facts | changes))


NUMBERS = {"values": [1.5, -2.0], "classes": (), "probabilities": None}
INTERVALS = {0.9: np.array([[1.0, 2.0], [-3.0, -1.0]]), 0.5: np.array([[1.25, 1.75], [-2.5, -1.5]])}
SETS = {0.9: np.array([[True, True], [True, False]]), 0.5: np.array([[False, True], [False, False]])}


def document(found: Predictions, query: bytes = b"", rule: Decision | None = RULE) -> Any:
    return json.loads(native_answers.encode(found, Outputs.of(query), rule))


def table(found: Predictions, query: bytes = b"", rule: Decision | None = RULE) -> Any:
    import pyarrow as pa

    return pa.ipc.open_stream(arrow_answers.encode(found, Outputs.of(query), rule)).read_all()


def test_predictions_become_an_answer() -> None:
    assert document(predictions()) == {
        "model": "penguins",
        "version": 3,
        "predictions": [
            {"id": "a", "prediction": True, "probabilities": {"false": 0.25, "true": 0.75}},
            {"id": "b", "prediction": False, "probabilities": {"false": 1.0, "true": 0.0}},
        ],
    }


@pytest.mark.parametrize(
    ("query", "members"),
    [
        (b"", {"probabilities", "sets"}),
        (b"version=3", {"probabilities", "sets"}),
        (b"output=label", set()),
        (b"output=probabilities", {"probabilities"}),
        (b"output=decision", {"margin"}),
        (b"output=conformal&alias=champion", {"sets"}),
        (b"output=label,decision,probabilities,conformal", {"probabilities", "margin", "sets"}),
        (b"output=label%2Cdecision", {"margin"}),
    ],
)
def test_an_answer_holds_what_is_wanted(query: bytes, members: set[str]) -> None:
    found = document(predictions(sets=SETS), query)
    assert [set(row) for row in found["predictions"]] == [{"id", "prediction", *members}] * 2
    assert ("decision" in found) == ("margin" in members)
    assert set(table(predictions(sets=SETS), query).column_names) == {"id", "prediction", *members}


def test_a_decision_is_told_by_its_rule_and_by_how_far_it_is_from_another() -> None:
    found = document(predictions(), b"output=decision")
    assert found["decision"] == {"kind": "threshold", "threshold": 0.7, "tolerance": 1e-5}
    assert [row["margin"] for row in found["predictions"]] == pytest.approx([0.05, 0.7], abs=1e-4)


def test_intervals_and_sets_are_told_by_level() -> None:
    assert [row["intervals"] for row in document(predictions(**NUMBERS, intervals=INTERVALS))["predictions"]] == [
        {"0.9": {"low": 1.0, "high": 2.0}, "0.5": {"low": 1.25, "high": 1.75}},
        {"0.9": {"low": -3.0, "high": -1.0}, "0.5": {"low": -2.5, "high": -1.5}},
    ]
    assert [row["sets"] for row in document(predictions(sets=SETS))["predictions"]] == [
        {"0.9": [False, True], "0.5": [True]},
        {"0.9": [False], "0.5": []},
    ]


def test_what_a_model_does_not_have_is_null_unless_it_is_asked_for() -> None:
    assert [row["probabilities"] for row in document(predictions(**NUMBERS))["predictions"]] == [None, None]
    for query in (b"output=probabilities", b"output=decision", b"output=conformal"):
        with pytest.raises(InputRefused, match="there is no output"):
            document(predictions(probabilities=None), query)


@pytest.mark.parametrize(
    "query",
    [
        b"output=",
        b"output=labels",
        b"output=label,label",
        b"output=label&output=label",
        b"out=label",
        b"output=label,",
        b"x",
    ],
)
def test_another_wish_is_refused(query: bytes) -> None:
    with pytest.raises(QueryRefused):
        Outputs.of(query)


@pytest.mark.parametrize("classes", [("a", "b"), ('say "no"', "back\\slash"), ("\n", ""), ("é", "\U0001f6a2")])
def test_any_class_may_be_a_key(classes: tuple[str, ...]) -> None:
    found = document(predictions(classes=classes, values=[classes[1], classes[0]]))
    assert found["predictions"][0]["probabilities"] == {classes[0]: 0.25, classes[1]: 0.75}


def test_numbers_are_told_to_the_last_bit() -> None:
    draw = np.random.default_rng(3)
    numbers = np.concatenate([draw.normal(size=3000) * 10.0 ** draw.integers(-30, 30, 3000), draw.random(3000)])
    for kind in (np.float64, np.float32):
        given = numbers.astype(kind)
        pairs = np.column_stack([given, given])
        ids = [str(row) for row in range(len(given))]
        found = document(predictions(ids=ids, values=given.tolist(), probabilities=pairs))["predictions"]
        assert [row["prediction"] for row in found] == given.tolist()
        assert [row["probabilities"]["true"] for row in found] == given.tolist()


@pytest.mark.parametrize(
    "found",
    [
        predictions(sets=SETS),
        predictions(classes=(0, 1), values=[1, 0], probabilities=SURE.astype(np.float32)),
        predictions(classes=("a", 'b"'), values=['b"', "a"], sets=SETS),
        predictions(**NUMBERS, intervals=INTERVALS),
        predictions(probabilities=None),
    ],
)
@pytest.mark.parametrize("query", [b"", b"output=label"])
def test_a_table_says_what_the_document_says(found: Predictions, query: bytes) -> None:
    told, rows = document(found, query), table(found, query)
    assert rows.schema.metadata[b"model"] == b"penguins"
    assert rows.schema.metadata[b"version"] == b"3"
    expected = [{name: value for name, value in row.items() if value is not None} for row in told["predictions"]]
    assert rows.to_pylist() == expected
