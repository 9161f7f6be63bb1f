"""MLflow's own way to a version answers as the API does: `mlflow.pyfunc.load_model`, and `mlflow models serve`."""

import asyncio
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlyard_model_api.app import create_app
from mlyard_model_api.settings import Settings
from mlyard_shared.columns import GRAMMARS, ColumnType
from mlyard_shared.columns.examples import EXAMPLES, Example
from mlyard_shared.errors import TableError
from mlyard_shared.pyfunc import frames
from mlyard_shared.registry import Registry
from mlyard_shared.schema import Column, DateExpansion, Schema
from pydantic import SecretStr

from . import commands

KEY = "a-key-for-the-tests"
ROWS, ASKED = 1_200, 1_000
Rows = list[dict[str, Any]]
SPEC = """
version = 1
name = "{name}"
task = "{task}"
target = "{target}"
metric = "{metric}"
key = ["id"]
{more}

[source]
path = "visits.csv"

[features]
leave_out = ["{other}"]
types = {{ sex = "category", round = "number" }}
unseen = {{ site = "accept" }}

[[candidates]]
name = "one"
estimator = "{estimator}"
"""


def load_model(uri: str, folder: Path | None = None) -> Any:
    """Load by MLflow, which leaves what it downloads; into a folder where one is given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, as it is imported
        import mlflow.pyfunc
    return mlflow.pyfunc.load_model(uri, dst_path=str(folder) if folder else None)


class Model(NamedTuple):
    """A champion, its table as text, and the columns that it takes."""

    name: str
    table: str
    columns: tuple[str, ...]


def visits() -> str:
    """A table with gaps in columns of every type, of codes, of whole numbers, and a site that comes late."""
    draw = np.random.default_rng(11)
    size = draw.normal(50, 20, ROWS).round(2)
    colour = draw.choice(["red", "green", "blau, grün"], ROWS)
    amount = (size * 3 + (colour == "red") * 20 + draw.normal(0, 10, ROWS)).round(3)
    seen = np.datetime64("2024-01-01T00:00") + draw.integers(0, 500_000, ROWS).astype("timedelta64[m]")
    columns: dict[str, Any] = {
        "size": with_gaps(draw, size),
        "count": with_gaps(draw, draw.integers(0, 100, ROWS)),
        "round": [str(value) for value in draw.integers(0, 9, ROWS)],
        "new": with_gaps(draw, np.where(draw.random(ROWS) < 0.5, "true", "false")),
        "sex": [str(value) for value in draw.integers(1, 3, ROWS)],
        "colour": with_gaps(draw, colour),
        "site": [*draw.choice(["a", "b", "c"], ROWS - 5), *["another"] * 5],
        "seen": with_gaps(draw, seen),
    }
    columns |= {"late": np.where(amount > 160, "yes", "no"), "amount": amount, "id": range(ROWS)}
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return written.getvalue()


def with_gaps(draw: np.random.Generator, values: Any) -> list[str]:
    return ["" if hide else str(value) for value, hide in zip(values, draw.random(ROWS) < 0.1, strict=True)]


@pytest.fixture(scope="module")
def trained(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Model]:
    """Train on the visits, once for each name."""
    known: dict[str, Model] = {}

    def train(name: str, estimator: str, *, task: str, metric: str, more: str = "") -> Model:
        if name in known:
            return known[name]
        folder = tmp_path_factory.mktemp(name)
        (folder / "visits.csv").write_text(visits())
        target, other = ("late", "amount") if task == "classification" else ("amount", "late")
        spec = folder / "spec.toml"
        facts = {"name": name, "task": task, "target": target, "other": other, "metric": metric, "more": more}
        spec.write_text(SPEC.format(estimator=estimator, **facts))
        commands.run(registry.uri, folder, spec)
        champion = registry.find(name, "champion")
        assert champion is not None
        columns = registry.manifest(champion).input_schema.columns
        return known.setdefault(name, Model(name, visits(), tuple(column.name for column in columns)))

    return train


@pytest.fixture(scope="module")
def threshold(trained: Callable[..., Model]) -> Model:
    return trained(
        "visits-late",
        "sklearn.linear_model.LogisticRegression",
        task="classification",
        metric="roc_auc",
        more="conformal = [0.9]\n[decision]\nthreshold = 0.3\n",
    )


@pytest.fixture(scope="module")
def regression(trained: Callable[..., Model]) -> Model:
    return trained("visits-amount", "sklearn.tree.DecisionTreeRegressor", task="regression", metric="mae")


@pytest.fixture(scope="module")
def without_twin(trained: Callable[..., Model]) -> Model:
    return trained("visits-margin", "sklearn.svm.LinearSVC", task="classification", metric="accuracy")


@pytest.fixture(scope="module")
def of_the_api(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Model], Rows]:
    """What the API answers for the last rows of a model's table, as the lines of its CSV file; asked once."""
    known: dict[str, Rows] = {}

    def answers(model: Model) -> Rows:
        if model.name not in known:
            known[model.name] = ask_the_api(registry, model, tmp_path_factory.mktemp("cache"))
        return known[model.name]

    return answers


def ask_the_api(registry: Registry, model: Model, cache: Path) -> Rows:
    header, *lines = csv.reader(io.StringIO(model.table))
    places = [header.index(name) for name in model.columns]
    written = io.StringIO()
    csv.writer(written).writerows([[row[place] for place in places] for row in [header, *lines[-ASKED:]]])
    return asyncio.run(ask(registry.uri, model.name, cache, written.getvalue().encode()))


async def ask(uri: str, name: str, cache: Path, body: bytes) -> Rows:
    app = create_app(Settings(registry_uri=uri, cache=cache, models=(name,), api_key=SecretStr(KEY)))
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "text/csv"}
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=headers)
    async with app.router.lifespan_context(app), client:
        deadline = time.monotonic() + 60
        while (ready := await client.get("/health/ready")).status_code != 200:
            assert time.monotonic() < deadline, ready.text
            await asyncio.sleep(0.1)
        answer = await client.post(f"/models/{name}/predict", content=body)
        assert answer.status_code == 200, answer.text
        found: Rows = answer.json()["predictions"]
    for row in found:
        del row["id"]
    return found


def raw_frame(model: Model) -> pd.DataFrame:
    """The last rows of the table as pandas reads it, with all of its columns."""
    return pd.read_csv(io.StringIO(model.table)).tail(ASKED)


@pytest.mark.parametrize(
    "fixture",
    ["threshold", *[pytest.param(name, marks=pytest.mark.long) for name in ("regression", "without_twin")]],
)
def test_mlflows_function_gives_the_answers_of_the_api(
    registry: Registry,
    of_the_api: Callable[[Model], Rows],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    fixture: str,
) -> None:
    model: Model = request.getfixturevalue(fixture)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    expected = of_the_api(model)
    asked = raw_frame(model)
    found = load_model(f"models:/{model.name}/1", tmp_path).predict(asked)
    assert found.index.equals(asked.index)
    rows = found.to_dict("records")
    assert len(rows) == ASKED
    if fixture == "regression":
        assert [{**row, "probabilities": None} for row in rows] == expected
    else:
        assert rows == expected
    if fixture == "threshold":
        assert rows[0]["sets"]["0.9"]
        unsure = [row for row in rows if 0.3 < row["probabilities"]["yes"] < 0.5]
        assert unsure
        assert {row["prediction"] for row in unsure} == {"yes"}


@pytest.mark.long
@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "inputs", "parquet"])
def test_mlflows_server_gives_the_answers_of_the_api(
    of_the_api: Callable[[Model], Rows], threshold: Model, served: str, form: str
) -> None:
    frame = raw_frame(threshold)
    if form == "parquet":
        answer = post(served, frame.to_parquet(), "application/vnd.apache.parquet")
    else:
        # Gaps are null, as in what MLflow's own client writes of a DataFrame.
        content = {
            "dataframe_split": json.loads(frame.to_json(orient="split")),
            "dataframe_records": json.loads(frame.to_json(orient="records")),
            "inputs": {name: list(column.values()) for name, column in json.loads(frame.to_json()).items()},
        }[form]
        answer = post(served, json.dumps({form: content}).encode(), "application/json")
    assert answer == of_the_api(threshold)


@pytest.fixture(scope="module")
def served(
    mlflow_server: str, threshold: Model, free_port_of_module: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    left = tmp_path_factory.mktemp("left")
    with serving(mlflow_server, threshold.name, free_port_of_module, left) as address:
        yield address


@pytest.fixture(scope="module")
def free_port_of_module() -> int:
    from .conftest import unused_port

    return unused_port()


@contextmanager
def serving(uri: str, name: str, port: int, left: Path) -> Iterator[str]:
    """Run `mlflow models serve`, in this environment; what it leaves lies in a folder."""
    place = ["-m", f"models:/{name}/1", "-h", "127.0.0.1", "-p", str(port)]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local", *place]
    # It starts uvicorn by its name.
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": uri, "PATH": paths, "TMPDIR": str(left)}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/ping", trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                assert process.poll() is None
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def post(address: str, body: bytes, media_type: str) -> Any:
    answer = httpx.post(address, content=body, headers={"Content-Type": media_type}, timeout=60, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def test_a_changed_file_is_found_before_anything_is_loaded(
    registry: Registry, threshold: Model, tmp_path: Path
) -> None:
    champion = registry.find(threshold.name, "champion")
    assert champion is not None
    registry.download(champion, tmp_path)
    twin = tmp_path / "model.onnx"
    twin.write_bytes(twin.read_bytes() + b" ")
    with pytest.raises(Exception, match=r"model\.onnx has the SHA-256"):
        load_model(str(tmp_path))


def test_what_does_not_fit_is_told_by_row_and_column(
    registry: Registry, threshold: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    frame = raw_frame(threshold).head(3)
    frame["sex"] = [1, 3, 1]
    frame["count"] = [1, None, 1.5]
    with pytest.raises(MlflowException) as caught:
        load_model(f"models:/{threshold.name}/1", tmp_path).predict(frame)
    assert "column 'sex', row 2: must be one of the categories" in str(caught.value)
    assert "column 'count', row 3: must be an integer" in str(caught.value)


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.text is not None], ids=str)
def test_a_text_in_a_frame_is_what_it_is_in_a_table(example: Example) -> None:
    frame = pd.DataFrame({"x": pd.Series([example.text], dtype=object)})
    try:
        found = frames.columns(frame, schema_of(example.type), GRAMMARS[2])["x"].tolist()
    except TableError:
        assert example.fault is not None
    else:
        assert found == [example.value]


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        pytest.param("integer", pd.Series([1, None]), [1.0, None], id="integers with gaps are floats"),
        pytest.param("integer", pd.Series([1, None], dtype="Int64"), [1.0, None], id="integers of pandas"),
        pytest.param("number", pd.Series([2, 3], dtype="int32"), [2.0, 3.0], id="whole numbers"),
        pytest.param("number", pd.Series([Decimal("1.5"), None], dtype=object), [1.5, None], id="decimals"),
        pytest.param("boolean", pd.Series([True, None], dtype="boolean"), [1.0, None], id="booleans of pandas"),
        pytest.param("boolean", pd.Series([1.0, None]), [1.0, None], id="booleans as floats"),
        pytest.param("category", pd.Series([1.0, None]), ["1", None], id="codes with gaps"),
        pytest.param("category", pd.Series(["a", None], dtype="category"), ["a", None], id="categories of pandas"),
        pytest.param("category", pd.Series([True, False]), ["true", "false"], id="booleans as categories"),
        pytest.param(
            "datetime",
            pd.Series([pd.Timestamp("1969-12-31T23:59:59.9999999+01:00"), None]),
            [datetime.fromisoformat("1969-12-31T22:59:59.999999"), None],
            id="moments with an offset, cut to microseconds",
        ),
        pytest.param("datetime", pd.Series([date(2026, 1, 31)]), [datetime.fromisoformat("2026-01-31")], id="days"),
        pytest.param("datetime", pd.Series(["2026-01-31"]), [datetime.fromisoformat("2026-01-31")], id="texts"),
    ],
)
def test_what_pandas_makes_of_a_column_is_read_as_what_it_was(
    kind: ColumnType, values: "pd.Series[Any]", told: list[Any]
) -> None:
    found = frames.columns(pd.DataFrame({"x": values}), schema_of(kind, nullable=True), GRAMMARS[2])["x"].tolist()
    assert [None if value is None or value != value else value for value in found] == told


def schema_of(kind: ColumnType, *, nullable: bool = False) -> Schema:
    categories = ("a",) if kind == "category" else ()
    column = Column(name="x", type=kind, nullable=nullable, categories=categories, unseen="accept")
    dates = (DateExpansion(column="x", parts=("year",)),) if kind == "datetime" else ()
    return Schema(columns=(column,), dates=dates)
