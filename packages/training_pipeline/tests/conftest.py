"""A real MLflow store on SQLite for the steps, and tables with every kind of column."""

import contextlib
import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.context import Context

from .clusters import Cluster, cluster, programs

EXAMPLES = Path(__file__).parents[3] / "examples"
ORCHESTRATION = Path(__file__).parent / "orchestration"
AIRFLOW = [
    ORCHESTRATION / file
    for file in (
        "test_first_start.py",
        "client/test_ensure.py",
        "test_scoring_run.py",
        "test_approved_search.py",
        "test_questions.py",
        "guards/test_real.py",
        "processes/test_health.py",
        "processes/test_launch.py",
    )
]
"""Files whose tests share the running Airflows: at first they see what a first start shows, then they train."""


def pytest_configure() -> None:
    """Let a fit take one thread: workers share the processors, and threads that wait for each other burn time."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the Airflows be started early where there are several workers, else only when they are needed."""
    others = -1 if not hasattr(config, "workerinput") else len(AIRFLOW)
    items.sort(key=lambda item: AIRFLOW.index(item.path) if item.path in AIRFLOW else others)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let one worker of pytest-xdist run all that may use an Airflow, so that each is started and imported once."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    scheduler = LoadFileScheduling(config, log)
    by_file = scheduler._split_scope
    room = str(ORCHESTRATION.relative_to(config.rootpath))
    scheduler._split_scope = lambda test: "airflow" if test.startswith(f"{room}/") else by_file(test)
    return scheduler


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[Cluster]:
    """A real PostgreSQL."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL on this machine (no pg_ctl in PATH or /usr/lib/postgresql): its tests were left out")
    with cluster(found) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql(postgresql_cluster: Cluster) -> str:
    """The URI of a real PostgreSQL, without a database."""
    return postgresql_cluster.uri


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URI of an MLflow store of this test run."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    # A store without a server puts artifacts below the folder that it is first opened in.
    # MLflow declares its tables in a way that this SQLAlchemy calls deprecated, once and for all.
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlyard_shared.registry import Registry

        Registry(uri).served_models()
    return uri


@pytest.fixture
def context(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    # A store without a server puts artifacts below the working folder.
    monkeypatch.chdir(tmp_path)
    # And its registry looks for a version's files in the store that this variable names.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    # Plots take longer than a small training.
    settings = Settings(registry_uri=store, state=tmp_path / "state", evidence=False)
    return Context.from_settings(settings)


def make_spec(**changes: Any) -> ModelSpec:
    """A small classification spec over `mixed_table`, with changes."""
    document = {
        "version": 1,
        "name": "mixed",
        "task": "classification",
        "target": "kind",
        "metric": "accuracy",
        "key": ["id"],
        "source": {"path": "mixed.csv"},
        "features": {"leave_out": ["amount"]},
        "folds": 3,
        "candidates": [{"name": "logistic", "estimator": "sklearn.linear_model.LogisticRegression"}],
    }
    return ModelSpec.model_validate({**document, **changes})


def make_regression(**changes: Any) -> ModelSpec:
    """A small regression spec over `mixed_table`, with changes."""
    document = {
        "name": "mixed-amount",
        "task": "regression",
        "target": "amount",
        "metric": "rmse",
        "features": {"leave_out": ["kind"]},
        "candidates": [{"name": "ridge", "estimator": "sklearn.linear_model.Ridge"}],
    }
    return make_spec(**{**document, **changes})


def mixed_columns(rows: int = 240) -> dict[str, list[str | None]]:
    """Texts of numbers, booleans, categories and dates, all with nulls, and two targets that depend on them."""
    draw = np.random.default_rng(7)
    numbers = draw.normal(50, 20, rows)
    colours = draw.choice(["red", "green", "blue"], rows)
    moments = np.datetime64("2024-01-01T00:00") + draw.integers(0, 500_000, rows).astype("timedelta64[m]")

    def with_nulls(values: Any) -> list[str | None]:
        return [None if hide else str(value) for value, hide in zip(values, draw.random(rows) < 0.1, strict=True)]

    amounts = numbers * 3 + (colours == "red") * 20 + draw.normal(0, 1, rows)
    return {
        "id": [str(row) for row in range(rows)],
        "size": with_nulls(numbers.round(3)),
        "count": [str(value) for value in draw.integers(0, 100, rows)],
        "new": with_nulls([str(value).lower() for value in draw.random(rows) < 0.5]),
        "colour": with_nulls(colours),
        "seen": with_nulls(moments),
        "kind": [("small", "middle", "large")[int(np.digitize(value, [130, 190]))] for value in amounts],
        "amount": [str(value) for value in amounts.round(4)],
    }


def write_csv(file: Path, columns: dict[str, list[str | None]]) -> Path:
    """Write columns as a CSV file with empty cells for nulls."""
    import csv

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(
            [["" if cell is None else cell for cell in row] for row in zip(*columns.values(), strict=True)]
        )
    return file


def write_spec(folder: Path, made: ModelSpec, columns: dict[str, list[str | None]] | None = None) -> Path:
    """Write a spec with its table, and return the spec's file."""
    write_csv(folder / str(made.source.path), columns or mixed_columns())
    file = folder / f"{made.name}.toml"
    file.write_text(_toml(made), "utf-8")
    return file


def _toml(made: ModelSpec) -> str:
    document = made.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    tables = {name for name, value in document.items() if isinstance(value, dict)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in document.items() if name not in {*tables, "candidates"}]
    for name in tables & set(document):
        lines += [f"[{name}]", *(f"{key} = {_inline(value)}" for key, value in document[name].items())]
    for candidate in document["candidates"]:
        lines += ["[[candidates]]", *(f"{key} = {_inline(value)}" for key, value in candidate.items())]
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_inline(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


@pytest.fixture
def spec() -> Callable[..., ModelSpec]:
    return make_spec


@pytest.fixture
def regression() -> Callable[..., ModelSpec]:
    return make_regression


@pytest.fixture
def mixed() -> Callable[..., dict[str, list[str | None]]]:
    return mixed_columns


@pytest.fixture
def written() -> Callable[..., Path]:
    return write_spec


@pytest.fixture
def examples() -> Path:
    return EXAMPLES
