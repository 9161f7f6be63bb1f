from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy
from mlyard_shared.errors import TableError
from mlyard_shared.manifest import HoldoutRule
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import encoding, holdout, siphash
from mlyard_training_pipeline.data.columns.numbers import NumberForm
from mlyard_training_pipeline.data.sources import open_table
from mlyard_training_pipeline.data.table import Table
from pyarrow import parquet
from pydantic import SecretStr

Spec = Callable[..., ModelSpec]
Stored = Callable[[Any], Table]
PLAIN = NumberForm()
BY_ID = HoldoutRule(by="hash", columns=("id",), fraction=0.2)
HELD_OUT = [0, 3, 5, 6, 8, 9, 10, 12, 18]
"""Of the keys 0 to 19 those that are held out by a fifth: for ever, since versions were judged by them."""


def ids(numbers: Any) -> Any:
    return pa.table({"id": [str(number) for number in numbers]})


def held_out(table: Table, rule: HoldoutRule = BY_ID) -> Any:
    return holdout.members(table, rule, PLAIN)


def test_the_keys_that_are_held_out_stay_the_same(stored: Stored) -> None:
    assert np.flatnonzero(held_out(stored(ids(range(20))))).tolist() == HELD_OUT


def test_a_row_stays_on_its_side_when_others_come_and_go(stored: Stored) -> None:
    before = dict(zip(range(1000), held_out(stored(ids(range(1000)))), strict=True))
    later = [*range(1500, 900, -1), 5, 3]
    after = dict(zip(later, held_out(stored(ids(later))), strict=True))
    assert all(before[number] == after[number] for number in before.keys() & after.keys())


def test_the_share_held_out_is_about_the_fraction(stored: Stored) -> None:
    assert 0.18 < held_out(stored(ids(range(20_000)))).mean() < 0.22


def test_a_larger_fraction_only_adds_rows(stored: Stored) -> None:
    table = stored(ids(range(500)))
    small, large = held_out(table), held_out(table, BY_ID.model_copy(update={"fraction": 0.4}))
    assert large[small].all()
    assert large.sum() > small.sum()


def test_the_same_keys_are_held_out_from_csv_parquet_and_sql_however_they_are_spelled(
    spec: Spec, tmp_path: Path
) -> None:
    rows = 300
    spellings: dict[str, Any] = {
        "1": [str(row) for row in range(rows)],
        "1.0": [f"{row}.0" for row in range(rows)],
        "+1e0": [f"+{row}e0" for row in range(rows)],
    }
    files: dict[str, Path] = {}
    for number, (spelling, texts) in enumerate(spellings.items()):
        files[f"CSV {spelling}"] = file = tmp_path / f"{number}.csv"
        file.write_text("id,x\n" + "".join(f"{text}, {row}\n" for row, text in enumerate(texts)))
    typed: dict[str, Any] = {
        "int64": pa.array(range(rows)),
        "uint8 and null's float": pa.array([float(row) for row in range(rows)]),
        "float32": pa.array([float(row) for row in range(rows)], pa.float32()),
        "decimal": pa.array([str(row) for row in range(rows)]).cast(pa.decimal128(10, 2)),
        "text": pa.array(spellings["1.0"]),
        "dictionary": pa.array(spellings["1"]).dictionary_encode(),
    }
    for kind, column in typed.items():
        files[f"Parquet {kind}"] = file = tmp_path / f"{kind.split()[0]}.parquet"
        parquet.write_table(pa.table({"id": column, "x": range(rows)}), file)
    sources = {name: {"path": str(file)} for name, file in files.items()}
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (i INTEGER, f REAL, s TEXT)"))
        values = [{"i": row, "f": float(row), "s": f"{row}.0"} for row in range(rows)]
        connection.execute(sqlalchemy.text("INSERT INTO t VALUES (:i, :f, :s)"), values)
    engine.dispose()
    for column in "ifs":
        sources[f"SQL {column}"] = {"connection": "db", "query": f"SELECT {column} AS id, i AS x FROM t ORDER BY i"}
    found = {}
    for name, source in sources.items():
        stream = open_table(spec(source=source), tmp_path, {"db": SecretStr(url)})
        encoding.write(stream, tmp_path / "snapshot.parquet")
        found[name] = held_out(Table(tmp_path / "snapshot.parquet")).tolist()
    assert len(found) == len(files) + 3
    for name, rows_held_out in found.items():
        assert rows_held_out == found["CSV 1"], name
    assert np.flatnonzero(found["CSV 1"][:20]).tolist() == HELD_OUT


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        pytest.param(["007"], ["7"], False, id="a code is not a number"),
        pytest.param([None], ["None"], False, id="null is not a text"),
        pytest.param(["true"], [True], True, id="booleans"),
        pytest.param(["2024-01-31 01:00+01"], [np.datetime64("2024-01-31", "s").astype(object)], True, id="dates"),
        pytest.param(["K-1"], ["k-1"], False, id="texts"),
        pytest.param(["1.50"], [1.5], True, id="decimals"),
    ],
)
def test_a_key_has_one_hash_in_every_spelling(stored: Stored, first: list[Any], second: list[Any], alike: bool) -> None:
    one, other = (holdout.hashes(stored(pa.table({"id": cells})), ("id",), PLAIN) for cells in (first, second))
    assert (one == other).all() == alike


def test_neighbouring_texts_of_two_columns_are_kept_apart(stored: Stored) -> None:
    columns = ("a", "b")
    left = stored(pa.table({"a": [f"{n}x" for n in range(200)], "b": ["y"] * 200}))
    right = stored(pa.table({"a": [str(n) for n in range(200)], "b": ["xy"] * 200}))
    assert (holdout.hashes(left, columns, PLAIN) != holdout.hashes(right, columns, PLAIN)).all()
    assert len(np.unique(holdout.hashes(left, columns, PLAIN))) == 200


def test_several_columns_are_hashed_in_the_order_of_the_rule(stored: Stored) -> None:
    table = stored(pa.table({"a": [1, None], "b": ["x", "x"]}))
    expected = siphash.hash_rows([siphash.hash_texts(pa.array(texts)) for texts in (["1", None], ["x", "x"])])
    assert holdout.hashes(table, ("a", "b"), PLAIN).tolist() == expected.tolist()
    assert holdout.hashes(table, ("b", "a"), PLAIN).tolist() != expected.tolist()


def test_keys_in_the_form_that_the_spec_names_are_numbers(stored: Stored) -> None:
    german, plain = (stored(pa.table({"id": ids})) for ids in (["1.250", "17"], ["1250", "17"]))
    form = NumberForm(decimal=",", thousands=".")
    assert (holdout.hashes(german, ("id",), form) == holdout.hashes(plain, ("id",), form)).all()


@pytest.mark.parametrize(
    ("changes", "columns"),
    [
        pytest.param({"key": ["site", "id"]}, ("site", "id"), id="key"),
        pytest.param({"group": "site"}, ("site",), id="group"),
        pytest.param({"key": [], "holdout": {"by": "row"}}, ("id", "kind", "site"), id="row"),
    ],
)
def test_the_spec_says_which_columns_are_hashed(spec: Spec, changes: dict[str, Any], columns: tuple[str, ...]) -> None:
    rule = holdout.rule(spec(**changes), ["site", "id", "kind"], None)
    assert (rule.by, rule.columns, rule.hash_name) == ("hash", columns, "siphash24")


def order_of(*days: str) -> Any:
    return np.array(days, dtype="datetime64[us]").astype(np.int64)


def test_with_an_event_time_the_latest_rows_are_held_out(spec: Spec, stored: Stored) -> None:
    times = [f"2024-01-{day:02}" for day in range(1, 31)]
    rule = holdout.rule(spec(event_time="seen"), ["seen"], order_of(*times))
    assert held_out(stored(pa.table({"seen": times})), rule).tolist() == [False] * 24 + [True] * 6


@pytest.mark.parametrize(
    ("days", "fraction", "count"),
    [
        pytest.param([1] * 50 + [2] * 40 + [3] * 10, 0.2, 10, id="the later day is nearer"),
        pytest.param([1] * 50 + [2] * 15 + [3] * 35, 0.2, 35, id="the only later day"),
        pytest.param([1] * 95 + [2] * 5, 0.2, 5, id="a side is never emptied"),
        pytest.param([1] * 75 + [2] * 25, 0.2, 25, id="the day of the boundary"),
    ],
)
def test_rows_of_one_time_stay_on_one_side(
    spec: Spec, stored: Stored, days: list[int], fraction: float, count: int
) -> None:
    times = [f"2024-01-{day:02}" for day in days]
    rule = holdout.rule(spec(event_time="seen", holdout={"fraction": fraction}), ["seen"], order_of(*times))
    found = held_out(stored(pa.table({"seen": times})), rule)
    assert found.sum() == count
    for day in set(days):
        assert len(set(found[np.array(days) == day])) == 1


def test_a_rule_whose_column_is_gone_says_so(stored: Stored) -> None:
    with pytest.raises(TableError, match="the table has no column 'id' any more, which says what was held out"):
        held_out(stored(pa.table({"other": ["1"]})))
    time = HoldoutRule(by="time", columns=("id",), fraction=0.2, boundary="2024-01-01T00:00:00Z")
    with pytest.raises(TableError, match="column 'id', row 1: '7' is not a date"):
        held_out(stored(ids([7])), time)


def drawn(rows: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 2**64, rows, dtype=np.uint64)


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_each_class_is_held_out_by_the_share_that_was_asked_for(fraction: float) -> None:
    strata = np.repeat([0, 1, 2], [900, 250, 60])
    found, certain = holdout.stratified(drawn(len(strata)), strata, fraction)
    assert [int(found[strata == one].sum()) for one in range(3)] == [round(fraction * n) for n in (900, 250, 60)]
    assert fraction / 2 <= certain + 1e-12 <= fraction + 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_what_a_stratified_rule_promises_was_held_out_before_the_table_grew_or_was_corrected(seed: int) -> None:
    hashes = drawn(3000, seed)
    strata = np.random.default_rng(seed).choice(3, 3000, p=[0.9, 0.08, 0.02])
    before, certain = holdout.stratified(hashes[:700], strata[:700], 0.2)
    # Whatever the classes are by now: a later judge asks for the rule, and no row of it was trained on.
    promised = holdout.below(hashes[:700], certain)
    assert before[promised].all()
    assert promised.sum() > 0.05 * 700
    after, _ = holdout.stratified(hashes, 2 - strata, 0.2)
    assert before[promised & after[:700]].all()


def test_rows_of_one_key_stay_together_whatever_their_classes_are() -> None:
    hashes = np.repeat(drawn(300), 2)
    strata = np.random.default_rng(1).choice(2, 600, p=[0.8, 0.2])
    found, _ = holdout.stratified(hashes, strata, 0.2)
    assert (found[::2] == found[1::2]).all()
    assert 0.1 < found.mean() < 0.3


def test_an_embargo_lies_between_the_last_row_that_is_trained_on_and_the_first_that_is_held_out() -> None:
    order = np.arange(100) * 86_400_000_000
    held_out = np.arange(100) >= 80
    assert np.flatnonzero(holdout.trained(held_out, order, timedelta(days=7))).tolist() == list(range(74))
    assert (holdout.trained(held_out, order, timedelta(0)) == ~held_out).all()
