from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.dataset import Dataset

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]
Made = Callable[[Any, ModelSpec], Dataset]


def refusal(made: Made, table: Any, spec: ModelSpec) -> str:
    with pytest.raises(TableError) as raised:
        made(table, spec)
    return str(raised.value)


def test_a_mixed_table_is_read_with_types_nulls_and_categories(made: Made, spec: Spec, mixed: Mixed) -> None:
    found = made(mixed(), spec())
    described = {column.name: (column.type, column.nullable) for column in found.schema.columns}
    assert described == {
        "size": ("number", True),
        "count": ("integer", False),
        "new": ("boolean", True),
        "colour": ("category", True),
        "seen": ("datetime", True),
    }
    assert found.classes == ("large", "middle", "small")
    assert found.rows == 240
    assert found.target.dtype == np.int64
    assert [found.classes[at] for at in found.target] == mixed()["kind"]


def test_the_spec_chooses_features_and_types(made: Made, spec: Spec, mixed: Mixed) -> None:
    found = made(mixed(), spec(features={"use": ["colour", "count"], "types": {"count": "category"}}))
    assert {column.name: column.type for column in found.schema.columns} == {"colour": "category", "count": "category"}


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        pytest.param(["10", "9"], (9, 10), id="integers"),
        pytest.param(["true", "false"], (False, True), id="booleans"),
        pytest.param(["b", "a"], ("a", "b"), id="texts"),
        pytest.param(["2024-02-01", "2024-01-31"], ("2024-01-31", "2024-02-01"), id="dates as texts"),
    ],
)
def test_classes_keep_their_type(
    made: Made, spec: Spec, mixed: Mixed, cells: list[str], classes: tuple[Any, ...]
) -> None:
    found = made(mixed() | {"kind": cells * 120}, spec())
    assert found.classes == classes
    assert [type(label) for label in found.classes] == [type(label) for label in classes]
    assert found.target[:2].tolist() == [1, 0]


def test_a_regressions_target_is_its_numbers(made: Made, regression: Spec, mixed: Mixed) -> None:
    found = made(mixed(), regression())
    assert found.target.tolist() == [float(text) for text in mixed()["amount"]]
    assert found.classes == ()
    large = made(mixed() | {"amount": [str(2**53 + row) for row in range(240)]}, regression())
    assert large.target[0] == 2**53


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"kind": ["a"] * 240}, "'kind', the target, has one class in every row", id="one class"),
        pytest.param(
            {"kind": [None, *["a", "b"] * 119, None]},
            "'kind', the target: row 1 is empty; so are 1 more: fill it, or take the row out",
            id="null target",
        ),
        pytest.param(
            {"kind": ["1.5", "2.5"] * 120},
            'use task = "regression", or features.types.kind = "category"',
            id="numbers as classes",
        ),
        pytest.param({"kind": [0.0, 1.0] * 120}, 'or features.types.kind = "integer"', id="whole numbers as classes"),
        pytest.param(
            {"kind": ["1", "0", "?"] * 80},
            "column 'kind', row 3 (and 79 more): '?' stands among numbers: correct it, or take the row out, or "
            'features.types.kind = "category" if texts are meant',
            id="a word for missing among classes",
        ),
        pytest.param({"count": ["7"] * 240}, "'count' has one value in every row", id="constant"),
        pytest.param({"count": ["7", None] * 120}, "'count' has one value in every row", id="constant with nulls"),
        pytest.param({"count": [None] * 240}, "'count' is empty", id="empty column"),
        pytest.param(
            {"colour": [f"text {n}" for n in range(240)]},
            "column 'colour' has 240 different texts in 240 rows: features.types.colour = \"category\" if each stands "
            'for something that comes again, or leave the column out: features.leave_out = ["amount", "colour"]',
            id="texts",
        ),
        pytest.param({"id": [None] + ["1"] * 239}, "'id', which says which row it is: row 1 is empty", id="null key"),
        pytest.param(
            {"size": ["1e39"] * 2 + ["1"] * 238}, "column 'size', row 1 (and 1 more): '1e39' is beyond", id="1e39"
        ),
        pytest.param({"count": [str(2**53)] + ["1"] * 239}, "row 1: '9007199254740992' is not between", id="2^53"),
        pytest.param({"seen": ["2024-02-30"] + ["2024-02-29"] * 239}, "'2024-02-30' is not an ISO 8601 date", id="day"),
        pytest.param({"colour": ["<missing>", "a"] * 120}, "row 1 (and 119 more): '<missing>' must not", id="reserved"),
        pytest.param({"colour": ["a\0b", "a"] * 120}, r"row 1 (and 119 more): 'a\x00b' must not be a text", id="NUL"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_the_way_out(
    made: Made, spec: Spec, mixed: Mixed, changed: dict[str, Any], message: str
) -> None:
    assert message in refusal(made, mixed() | changed, spec())


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        pytest.param(["1", "1.5", "2.5"], "row 2 (and 159 more): '1.5' is not an integer: correct it, or "
                     'features.types.count = "number" if fractions are meant', id="integer"),
        pytest.param(["1", "x", "2"], "row 2 (and 79 more): 'x' is not an integer", id="text as integer"),
    ],
)  # fmt: skip
def test_a_type_that_the_spec_names_is_held_to(
    made: Made, spec: Spec, mixed: Mixed, cells: list[str], message: str
) -> None:
    said = spec(features={"leave_out": ["amount"], "types": {"count": "integer"}})
    assert message in refusal(made, mixed() | {"count": cells * 80}, said)


def test_every_problem_of_a_table_is_named_at_once(made: Made, spec: Spec, mixed: Mixed) -> None:
    changed = {"id": [None] * 240, "kind": ["a"] * 240, "size": ["NULL", "1.5"] * 120, "count": ["7"] * 240}
    lines = refusal(made, mixed() | changed, spec()).splitlines()
    assert [line.split("'")[1] for line in lines] == ["id", "kind", "size", "count"]


def test_a_column_that_the_table_lacks_is_named_with_the_nearest_one(made: Made, spec: Spec, mixed: Mixed) -> None:
    message = refusal(made, mixed(), spec(target="kinds", features={"leave_out": ["amounts"]}))
    assert "target: the table has no column 'kinds'; did you mean 'kind'?" in message
    assert "features.leave_out: the table has no column 'amounts'; did you mean 'amount'?" in message


def test_a_regression_needs_numbers_that_differ(made: Made, regression: Spec, mixed: Mixed) -> None:
    texts = regression(target="kind", features={"leave_out": ["amount"]})
    assert "'kind', the target, holds category values" in refusal(made, mixed(), texts)
    assert "one value in every row" in refusal(made, mixed() | {"amount": ["1"] * 240}, regression())


def test_dates_and_unseen_name_columns_of_their_type_only(made: Made, spec: Spec, mixed: Mixed) -> None:
    wrong = spec(features={"leave_out": ["amount"], "dates": {"count": ["year"]}, "unseen": {"amount": "accept"}})
    message = refusal(made, mixed(), wrong)
    assert "features.dates names 'count', which is not a date that the model sees: it is an integer" in message
    assert "features.unseen names 'amount', which is not a category that the model sees" in message


def test_a_column_of_nothing_but_mistakes_is_not_called_empty(made: Made, spec: Spec, mixed: Mixed) -> None:
    said = spec(features={"leave_out": ["amount"], "types": {"count": "datetime"}})
    message = refusal(made, mixed() | {"count": ["31.12.2024", "01.02.2024"] * 120}, said)
    assert "row 1 (and 239 more): '31.12.2024' is not an ISO 8601 date" in message
    assert "is empty" not in message
    assert "source.missing" not in message


def test_an_event_time_with_mistakes_is_not_called_empty_and_stays_a_date(made: Made, spec: Spec, mixed: Mixed) -> None:
    said = spec(key=[], event_time="seen", features={"leave_out": ["amount"]})
    message = refusal(made, mixed() | {"seen": ["31.12.2024", "01.02.2024"] * 120}, said)
    assert message.splitlines()[0].endswith("'31.12.2024' is not an ISO 8601 date, such as 2026-01-31 or "
                                            "2026-01-31T12:00:00Z: correct it")  # fmt: skip
    assert "the event time" not in message


def test_an_event_time_of_one_moment_is_named_and_nothing_that_follows_from_it(
    made: Made, spec: Spec, mixed: Mixed
) -> None:
    said = spec(key=[], event_time="seen", features={"leave_out": ["amount"]})
    message = refusal(made, mixed() | {"seen": ["2024-01-31"] * 240}, said)
    assert message == (
        "column 'seen', the event time, has one value in every row, so that none is earlier: name another event_time, "
        "or a key or group in its place"
    )


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        pytest.param(1, "has 1 different value, and 3 folds and the holdout need 4: name another column", id="one"),
        pytest.param(2, "has 2 different values, and 3 folds and the holdout need 4: name another column", id="two"),
        pytest.param(3, "has 3 different values, and 3 folds and the holdout need 4: lower folds to at most 2", id="3"),
    ],
)
def test_fewer_groups_than_folds_and_the_holdout_take_are_refused(
    made: Made, spec: Spec, mixed: Mixed, groups: int, message: str
) -> None:
    said = spec(key=[], group="count", features={"leave_out": ["amount"]})
    found = refusal(made, mixed() | {"count": [str(n % groups) for n in range(240)]}, said)
    assert f"column 'count', the group, {message}" in found
    assert "the holdout has" not in found


def test_a_key_that_is_the_same_in_every_row_is_named(made: Made, spec: Spec, mixed: Mixed) -> None:
    message = refusal(made, mixed() | {"id": ["7"] * 240}, spec())
    assert "(all rows of one 'id' are on one side: is it different in each row?)" in message


def test_the_target_of_a_regression_is_not_advised_to_be_texts(made: Made, regression: Spec, mixed: Mixed) -> None:
    message = refusal(made, mixed() | {"amount": ["1e39", *map(str, range(239))]}, regression())
    assert message.endswith("the largest number that a model computes with: correct it")


def test_a_long_text_is_not_advised_as_a_word_for_missing(made: Made, spec: Spec, mixed: Mixed) -> None:
    message = refusal(made, mixed() | {"colour": ["x" * 10_001, "a", "b"] * 80}, spec())
    assert "has more than 10000 characters: correct it, or leave the column out" in message


def test_a_type_that_changes_late_in_a_column_is_found(made: Made, spec: Spec) -> None:
    rows = 150_000  # more than one run
    table = {
        "id": np.arange(rows),
        "kind": ["a", "b"] * (rows // 2),
        "late": [*map(str, range(rows - 1)), "0.5"],
        "later": [*["true", "false"] * (rows // 2 - 1), "true", "maybe"],
        "first": [None] * (rows - 2) + ["1.5", "2.5"],
    }
    made_so = spec(features={}, source={"path": "t.csv"})
    assert "column 'later', row 150000: 'maybe' stands among true and false" in refusal(made, table, made_so)
    found = made({**table, "later": ["true", "false"] * (rows // 2)}, made_so)
    assert {column.name: column.type for column in found.schema.columns} == {
        "late": "number",
        "later": "boolean",
        "first": "number",
    }
    assert found.columns()["late"][-2:].tolist() == [rows - 2, 0.5]


def test_columns_of_every_stored_type_are_read_and_others_named(made: Made, spec: Spec) -> None:
    rows = 240
    numbers = np.arange(rows)
    table = pa.table(
        {
            "id": numbers,
            "kind": pa.array(["a", "b"] * 120).dictionary_encode(),
            "decimal": pa.array([f"{n}.10" for n in numbers]).cast(pa.decimal128(10, 2)),
            "small": pa.array(numbers % 100, pa.int8()),
            "half": pa.array((numbers % 7).astype(np.float16)),
            "day": pa.array(numbers, pa.int32()).cast(pa.date32()),
            "moment": pa.array(numbers * 10**12, pa.timestamp("ns", "Europe/Berlin")),
            "flag": pa.array(numbers % 2 == 0),
        }
    )
    found = made(table, spec(features={}))
    assert [column.type for column in found.schema.columns] == [
        "number",
        "integer",
        "number",
        "datetime",
        "datetime",
        "boolean",
    ]
    odd = {"list": pa.array([[1]] * rows), "span": pa.array([1] * rows, pa.duration("s")), "octets": [b"x"] * rows}
    message = refusal(
        made, table.append_column("list", odd["list"]).append_column("span", odd["span"]), spec(features={})
    )
    for name in ("list", "span"):
        assert f"column {name!r} holds" in message
    assert message.count('features.leave_out = ["list", "span"]') == 2


def test_what_is_left_out_may_hold_anything(made: Made, spec: Spec, mixed: Mixed) -> None:
    odd = pa.table(mixed()).append_column("odd", pa.array([[1]] * 240))
    odd = odd.append_column("wild", pa.array([2**62] * 240, pa.timestamp("s")))
    assert made(odd, spec(features={"leave_out": ["amount", "odd", "wild"]})).rows == 240


def test_nothing_is_left_to_see(made: Made, spec: Spec, mixed: Mixed) -> None:
    every = [name for name in mixed() if name not in ("id", "kind")]
    assert "no column is left for the model to see" in refusal(made, mixed(), spec(features={"leave_out": every}))
