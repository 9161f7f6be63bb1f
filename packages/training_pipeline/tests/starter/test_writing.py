"""Tables as people have them, from which `init` makes a spec that `validate` takes as it is."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlyard_shared.errors import MlyardError
from mlyard_shared.spec import ModelSpec, read_spec
from mlyard_training_pipeline.preview import describe
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.starter.request import Request
from mlyard_training_pipeline.starter.writing import write

ROWS = 200


def frame(**more: Any) -> pd.DataFrame:
    draw = np.random.default_rng(3)
    size, colour = draw.normal(size=ROWS).round(4), draw.choice(["red", "green"], ROWS)
    noisy = size + (colour == "red") + draw.normal(0, 0.7, ROWS)
    return pd.DataFrame({"size": size, "colour": colour, "sold": np.where(noisy > 0.5, "yes", "no"), **more})


def init(beside: Path, target: str = "sold", **asked: Any) -> list[str]:
    given = {"table": beside, "query": None, "connection": None, "name": None, "force": False, **asked}
    given.setdefault("output", beside.parent / "made.toml")
    settings = asked.pop("settings", None) or Settings(state=beside.parent / "state")
    given.pop("settings", None)
    return list(write(Request.of(target=target, **given), settings))


def taken(file: Path) -> ModelSpec:
    """The spec, which `validate` takes as it is, and finds nothing to warn of."""
    lines = list(describe(file, Settings(state=file.parent / "state")))
    assert not [line for line in lines if line.startswith("warning")]
    return read_spec(file)


def csv(folder: Path, data: pd.DataFrame, **how: Any) -> Path:
    data.to_csv(folder / "Sales 2026.csv", index=False, **how)
    return folder / "Sales 2026.csv"


def test_what_a_model_must_not_see_is_left_out_with_the_reason(tmp_path: Path) -> None:
    data = frame()
    draw = np.random.default_rng(5)
    data["order_id"] = [f"A{row:05}" for row in draw.permutation(ROWS)]
    data["row"] = draw.permutation(ROWS) + 1
    data["customer_id"] = draw.integers(1000, 1000 + ROWS // 3, ROWS)
    data["always"] = "x"
    data["empty"] = None
    data["copy"] = data["sold"].map({"yes": 1, "no": 0})
    data["refund"] = np.where(data["sold"] == "yes", draw.normal(size=ROWS).round(3), np.nan)
    data["size again"] = data["size"]
    data["remark"] = [f"remark {row} of somebody" for row in draw.permutation(ROWS)]
    lines = init(csv(tmp_path, data))
    spec = taken(tmp_path / "made.toml")
    assert spec.key == ("order_id",)
    assert set(spec.features.leave_out) == {
        "row", "customer_id", "always", "empty", "copy", "refund", "size again", "remark"
    }  # fmt: skip
    text = (tmp_path / "made.toml").read_text()
    for column, why in {
        "always": "one value in every row",
        "empty": "is empty",
        "copy": "is a copy of the target 'sold'",
        "refund": "leave it out unless it is known when a prediction is asked for",
        "customer_id": "make it the group",
        "size again": "has the values of 'size'",
    }.items():
        assert re.search(f'  "{column}", # .*{re.escape(why)}', text), text
        assert any(line.startswith(f"left out {column}: ") for line in lines)


def test_a_table_of_a_spreadsheet_is_read_as_it_is_written(tmp_path: Path) -> None:
    data = frame(**{"Größe [cm]": [f"{value:.2f}".replace(".", ",") for value in np.linspace(1, 2, ROWS) ** 2]})
    data["size"] = [f"{value:.4f}".replace(".", ",") for value in data["size"]]
    data["weight"] = [str(10 + row % 37) if row % 9 else "n/a" for row in range(ROWS)]
    init(csv(tmp_path, data, sep=";", encoding="cp1252"))
    spec = taken(tmp_path / "made.toml")
    assert (spec.source.separator, spec.source.encoding, spec.source.decimal) == (";", "cp1252", ",")
    assert "n/a" in spec.source.missing
    assert spec.name == "sales-2026"
    assert spec.holdout.by == "row"


def test_the_newest_rows_are_held_out_where_a_time_can_be_told(tmp_path: Path) -> None:
    days = pd.date_range("2025-01-01", periods=ROWS, freq="D").strftime("%Y-%m-%d")
    data = frame(ordered_at=days, birth_date=days[::-1])
    init(csv(tmp_path, data))
    spec = taken(tmp_path / "made.toml")
    assert spec.event_time == "ordered_at"
    assert "birth_date" not in spec.features.leave_out


def test_amounts_become_a_regression(tmp_path: Path) -> None:
    data = frame(price=np.random.default_rng(2).normal(100, 10, ROWS).round(2))
    init(csv(tmp_path, data), target="price")
    spec = taken(tmp_path / "made.toml")
    assert (spec.task, spec.metric) == ("regression", "rmse")
    assert [one.estimator.rpartition(".")[2] for one in spec.candidates] == [
        "Ridge",
        "RandomForestRegressor",
        "HistGradientBoostingRegressor",
    ]


def test_odd_names_and_a_hundred_columns_are_written_as_toml_has_them(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    odd = ['a "b"', "c\\d", "é = [1]", "# no", "x.y", "日本", "tab\tin", "'q'"]
    data = frame(**{f"n{at}": draw.normal(size=ROWS).round(3) for at in range(100)}, **dict.fromkeys(odd, "same"))
    data.to_parquet(tmp_path / "wide.parquet")
    init(tmp_path / "wide.parquet")
    spec = taken(tmp_path / "made.toml")
    assert set(odd) == set(spec.features.leave_out)


def test_a_query_is_a_table_too(tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "shop.db") as database:
        frame(id=range(ROWS)).to_sql("sales", database, index=False)
    database.close()
    settings = Settings(state=tmp_path / "state", connections={"shop": f"sqlite:///{tmp_path / 'shop.db'}"})
    made = tmp_path / "shop.toml"
    query = "select * from sales where colour <> 'blue'"
    init(tmp_path, table=None, query=query, connection="shop", output=made, settings=settings)
    assert read_spec(made).source.query == query
    assert read_spec(made).key == ("id",)
    list(describe(made, settings))


def faulty(kind: str, folder: Path) -> Path:
    data = frame()
    if kind == "one class":
        data["sold"] = "yes"
    elif kind == "rare":
        data.loc[:1, "sold"] = "maybe"
    elif kind == "text":
        data["sold"] = [f"text {row} and more" for row in range(ROWS)]
    elif kind == "null":
        data.loc[3, "sold"] = None
    return csv(folder, data.iloc[:0] if kind == "empty" else data)


@pytest.mark.parametrize(
    ("kind", "target", "sentence"),
    [
        ("name", "Sold", "target: the table has no column 'Sold'; did you mean 'sold'?"),
        ("one class", "sold", "has one value in every row"),
        ("rare", "sold", "'maybe' (2); take their rows out, join them with another class, or bring more"),
        ("text", "sold", "name another target"),
        ("empty", "sold", "has no rows"),
        ("null", "sold", "row 4"),
    ],
)
def test_a_fault_is_a_sentence_and_leaves_no_file(kind: str, target: str, sentence: str, tmp_path: Path) -> None:
    table = faulty(kind, tmp_path)
    with pytest.raises(MlyardError) as raised:
        init(table, target=target)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)
    assert [file.name for file in tmp_path.iterdir()] == [table.name]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "exists already: give another --output, or --force"),
        ({"output": Path("/absent/folder/x.toml")}, "its folder does not exist"),
        ({"name": "Big Name", "force": True}, "is not a model's name"),
        ({"query": "select 1", "force": True}, "give either a table, or --query and --connection"),
        ({"table": None, "query": "select 1", "force": True}, "--query and --connection go together"),
        ({"table": None, "query": "select 1", "connection": "My DB", "name": "x", "force": True}, "--connection: "),
        ({"table": Path("/absent/sales.csv"), "force": True}, "does not exist, nor does its folder"),
    ],
)
def test_a_wrong_request_is_a_sentence(asked: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "made.toml").write_text("mine")
    with pytest.raises(MlyardError, match=re.escape(sentence)):
        init(csv(tmp_path, frame()), **asked)
    assert (tmp_path / "made.toml").read_text() == "mine"
