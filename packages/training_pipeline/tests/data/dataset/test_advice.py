"""Advice that is pasted into the spec helps: the problem that it came with is gone, whatever the column is called."""

import csv
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import encoding
from mlyard_training_pipeline.data.dataset import Dataset, store
from mlyard_training_pipeline.data.sources import open_table
from mlyard_training_pipeline.data.sources.arrow_types import without_missing
from pyarrow import parquet
from pydantic import SecretStr

Spec = Callable[..., ModelSpec]
Made = Callable[[Any, ModelSpec], Dataset]
NAMES = ["age", "my col", "a.b", 'say "hi"', "line\nbreak", "Gr\u00f6\u00dfe", "\U0001f6a2"]
ROWS = 240
ASSIGNMENT = re.compile(
    r'(?:source|features)\.(?:[A-Za-z0-9_.-]|"(?:[^"\\]|\\.)*")+ = (?:\[[^\]]*\]|"(?:[^"\\]|\\.)*")'
)

CELLS: dict[str, list[Any]] = {
    "sentinel": [str(n) if n % 4 else "NULL" for n in range(ROWS)],
    "two sentinels": [str(n) if n % 3 else ("-", "?")[n % 2] for n in range(ROWS)],
    "date sentinel": [f"2024-01-{n % 28 + 1:02}" if n % 5 else "9999-99-99" for n in range(ROWS)],
    "boolean sentinel": [("true", "false", "unknown")[n % 3] for n in range(ROWS)],
    "typing error": [*map(str, range(ROWS - 1)), "1O7"],
    "codes": [f"{n:03}" for n in range(ROWS)],
    "decimal comma": [f"{n},{n % 10}5" for n in range(ROWS)],
    "German": [f"1.{n:03},80" for n in range(ROWS)],
    "ambiguous comma": [f"{n % 9 + 1},{n:03}" for n in range(ROWS)],
    "blanks": [f"{n % 9 + 1} {n:03}" for n in range(ROWS)],
    "apostrophes": [f"{n % 9 + 1}'{n:03}.5" for n in range(ROWS)],
    "percent": [f"{n} %" for n in range(ROWS)],
    "currency": [f"\u20ac {n},50" for n in range(ROWS)],
    "unit": [f"{n}.5kg" for n in range(ROWS)],
    "padded": [f"{n}  " for n in range(ROWS)],
    "German with a sentinel": [f"{n},5" if n % 4 else "k. A." for n in range(ROWS)],
    "German dates": [f"{n % 28 + 1:02}.{n % 12 + 1:02}.2024" for n in range(ROWS)],
    "three digits after a point, or none": [f"{n % 9 + 1}.{n:03}" if n % 2 else f"{n + 1}" for n in range(ROWS)],
    "points and commas": [f"{n},5" if n % 2 else f"{n}.25" for n in range(ROWS)],
    "brackets": [f"({n}.5)" if n % 2 else f"{n}.25" for n in range(ROWS)],
    "months by name": [f"{n % 28 + 1} Jan {2000 + n % 7}" for n in range(ROWS)],
    "too large": [str(n) if n else "1e39" for n in range(ROWS)],
    "beyond 2^53": [str(2**53 + n) for n in range(ROWS)],
    "year 0": [f"2024-01-{n % 28 + 1:02}" if n else "0000-01-01" for n in range(ROWS)],
    "out of range": [f"2024-01-{n % 28 + 1:02}" if n else "0001-01-01T00:00:00+01:00" for n in range(ROWS)],
    "reserved": [("<missing>", "a", "b")[n % 3] for n in range(ROWS)],
    "NUL": [("a\0", "a", "b")[n % 3] for n in range(ROWS)],
    "too long": [("x" * 10_001, "a", "b")[n % 3] for n in range(ROWS)],
    "constant": ["7"] * ROWS,
    "empty": [None] * ROWS,
    "texts": [f"text {n}" for n in range(ROWS)],
    "one day": ["2024-01-01"] * (ROWS - 1) + [None],
}


def ways(message: str) -> Iterator[dict[str, Any]]:
    """Each way out that a message names, as the keys of a spec; what is joined by `with` and `and` goes together."""
    for way in message.split(", or "):
        lines = [found[0] for found in ASSIGNMENT.finditer(way)]
        if lines:
            yield tomllib.loads("\n".join(lines))


def pasted(spec: ModelSpec, keys: dict[str, Any]) -> ModelSpec:
    document = spec.model_dump(mode="json")
    for table, values in keys.items():
        for key, value in values.items():
            document[table][key] = {**document[table][key], **value} if isinstance(value, dict) else value
    return ModelSpec.model_validate(document)


def problems_of(made: Made, name: str, cells: list[Any], spec: ModelSpec, *, typed: bool = False) -> str | None:
    """What is said of the column, where it is read with the spec's words for missing."""
    column = without_missing(pa.array(cells, pa.string()), spec.source.missing)
    table = {
        "id": list(range(ROWS)),
        "kind": ["a", "b"] * (ROWS // 2),
        "plain": [f"{n}" for n in range(ROWS)],
        "amount": list(range(ROWS)),
        name: column.dictionary_encode() if typed else column,
    }
    try:
        made(table, spec)
    except TableError as error:
        return str(error)
    return None


@pytest.mark.parametrize("kind", CELLS)
def test_advice_helps_when_it_is_pasted(made: Made, spec: Spec, kind: str) -> None:
    first = problems_of(made, "x", CELLS[kind], spec())
    assert first is not None
    advised = list(ways(first))
    assert advised, first
    for keys in advised:
        after = problems_of(made, "x", CELLS[kind], pasted(spec(), keys))
        # Another problem of the same column may come to light, but never the same one again.
        assert after is None or after.split(":")[1] != first.split(":")[1], (keys, after)


@pytest.mark.parametrize("name", NAMES, ids=repr)
@pytest.mark.parametrize(
    "kind", ["sentinel", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("currency", "texts", "constant"))]
)
def test_advice_helps_for_any_name(made: Made, spec: Spec, kind: str, name: str) -> None:
    first = problems_of(made, name, CELLS[kind], spec())
    assert first is not None
    for keys in ways(first):
        assert problems_of(made, name, CELLS[kind], pasted(spec(), keys)) is None


def test_advice_helps_where_the_spec_lists_its_features(made: Made, spec: Spec) -> None:
    listed = spec(features={"use": ["plain", "x"]})
    first = problems_of(made, "x", CELLS["constant"], listed)
    assert first is not None
    assert [problems_of(made, "x", CELLS["constant"], pasted(listed, keys)) for keys in ways(first)] == [None]


@pytest.mark.long
def test_followed_to_the_end_every_advice_makes_a_dataset(made: Made, spec: Spec) -> None:
    for kind, cells in CELLS.items():
        tried = [spec()]
        for _ in range(5):
            found = [(now, problems_of(made, "x", cells, now)) for now in tried]
            if any(message is None for _, message in found):
                break
            tried = [pasted(now, keys) for now, message in found for keys in ways(str(message))]
        else:
            pytest.fail(f"{kind}: no advice leads anywhere")


def refusal(made: Made, table: dict[str, list[Any]], spec: ModelSpec) -> list[str]:
    with pytest.raises(TableError) as raised:
        made({"id": list(range(ROWS)), "kind": ["a", "b"] * (ROWS // 2), "amount": list(range(ROWS)), **table}, spec)
    return str(raised.value).splitlines()


GERMAN_TABLE = {
    "price": [f"{n},80" for n in range(ROWS)],
    "people": [f"{n % 9 + 1}.{n:03}" for n in range(ROWS)],
    "share": [f"{n} %" for n in range(ROWS)],
    "count": [str(n) for n in range(ROWS)],
}


def test_what_is_advised_for_one_column_reads_the_whole_table(made: Made, spec: Spec) -> None:
    sentences = refusal(made, GERMAN_TABLE, spec())
    assert [sentence.split("'")[1] for sentence in sentences] == ["price", "share", "people"]
    for sentence in sentences[:2]:
        read_so = pasted(spec(), next(ways(sentence)))
        found = made(
            {"id": list(range(ROWS)), "kind": ["a", "b"] * (ROWS // 2), "amount": list(range(ROWS)), **GERMAN_TABLE},
            read_so,
        )
        first = {name: array[12] for name, array in found.columns().items()}
        assert first == {"price": 12.8, "people": 4012, "share": 12, "count": 12}
    assert list(ways(sentences[2]))[:2] == [
        {"source": {"decimal": "."}},
        {"source": {"decimal": ",", "thousands": "."}},
    ]


@pytest.mark.parametrize("separator", [",", ";"])
def test_thousands_are_suspected_where_the_file_is_european(made: Made, spec: Spec, separator: str) -> None:
    table = {"weight": [f"{n % 9 + 1}.{n % 7}4{n % 5 + 1}" for n in range(ROWS)]}
    asked = spec(source={"path": "t.csv", "separator": separator})
    whole = {"id": list(range(ROWS)), "kind": ["a", "b"] * (ROWS // 2), "amount": list(range(ROWS)), **table}
    if separator == ",":
        assert made(whole, asked).schema.columns[0].type == "number"
        return
    (sentence,) = refusal(made, table, asked)
    assert "may stand between thousands or before decimals" in sentence
    read = [made(whole, pasted(asked, keys)).columns()["weight"][1] for keys in list(ways(sentence))[:2]]
    assert read == [2.142, 2142]


def test_no_key_is_advised_that_would_spoil_another_column(made: Made, spec: Spec) -> None:
    table = {"price": [f"{n},80" for n in range(ROWS)], "size": [f"{n}.5" for n in range(ROWS)]}
    (sentence,) = refusal(made, table, spec())
    assert "write the numbers of all columns alike, since source.decimal and source.thousands are for all" in sentence
    assert [list(keys) for keys in ways(sentence)] == [["features"], ["features"]]


@pytest.mark.parametrize("source", ["CSV", "Parquet", "dictionary", "SQL"])
@pytest.mark.parametrize(
    "kind", ["sentinel", "date sentinel", "German", "percent", "German with a sentinel", "too large", "padded", "texts"]
)
def test_advice_helps_whatever_the_table_came_from(spec: Spec, tmp_path: Path, source: str, kind: str) -> None:
    numbers, kinds = list(range(ROWS)), ["a", "b"] * (ROWS // 2)
    columns: dict[str, list[Any]] = {"id": numbers, "kind": kinds, "plain": numbers, "x": CELLS[kind]}
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    asked = spec(features={}, source=write_source(columns, source, tmp_path, url))

    def refused(now: ModelSpec) -> str | None:
        folder = tmp_path / f"dataset {len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        encoding.write(open_table(now, tmp_path, {"db": SecretStr(url)}), folder / "snapshot.parquet")
        try:
            store.make(folder / "snapshot.parquet", folder, now)
        except TableError as error:
            return str(error)
        return None

    first = refused(asked)
    if (source, kind) == ("CSV", "padded"):
        assert first is None  # blanks around a cell do not count there
        return
    assert first is not None
    for keys in ways(first):
        after = refused(pasted(asked, keys))
        assert after is None or after.split(":")[1] != first.split(":")[1], (keys, after)


def write_source(columns: dict[str, list[Any]], source: str, folder: Path, url: str) -> dict[str, Any]:
    """Write a table, and return what a spec says of it."""
    if source == "CSV":
        with (folder / "t.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return {"path": "t.csv"}
    if source == "SQL":
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE t (id INTEGER, kind TEXT, plain INTEGER, x TEXT)"))
            rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
            connection.execute(sqlalchemy.text("INSERT INTO t VALUES (:id, :kind, :plain, :x)"), rows)
        engine.dispose()
        return {"connection": "db", "query": "SELECT * FROM t ORDER BY id"}
    texts = pa.array(columns["x"], pa.string())
    parquet.write_table(
        pa.table({**columns, "x": texts.dictionary_encode() if source == "dictionary" else texts}), folder / "t.parquet"
    )
    return {"path": "t.parquet"}
