from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mlyard_shared.errors import TableError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import dataset, snapshots
from mlyard_training_pipeline.data.dataset import building, store
from mlyard_training_pipeline.data.sources import TableStream
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import TrainingRun

Spec = Callable[..., ModelSpec]
Mixed = Callable[..., dict[str, list[Any]]]


@pytest.fixture
def run(context: Context, mixed: Mixed) -> TrainingRun:
    table = pa.table(mixed())
    taken = snapshots.take(context, "stored", TableStream(table.schema, iter(table.to_batches()), "the table"))
    return TrainingRun(model="stored", run_id="none", snapshot=taken)


def folders(context: Context) -> list[Path]:
    return sorted(path for path in context.settings.snapshots.iterdir() if path.is_dir())


def test_a_dataset_is_made_once_and_then_mapped(context: Context, run: TrainingRun, spec: Spec) -> None:
    first = dataset.load(context, run, spec())
    times = {path: path.stat().st_mtime_ns for path in folders(context)[0].iterdir()}
    snapshots.cached(context, run.snapshot.sha256).unlink()
    again = dataset.load(context, run, spec())
    assert {path: path.stat().st_mtime_ns for path in folders(context)[0].iterdir()} == times
    assert again.schema == first.schema
    assert again.matrix(precision="float64").tobytes() == first.matrix(precision="float64").tobytes()
    assert len(folders(context)) == 1


def test_another_machine_makes_the_same_dataset(context: Context, run: TrainingRun, spec: Spec, tmp_path: Path) -> None:
    first = dataset.load(context, run, spec())
    elsewhere = Context(
        tracking=context.tracking,
        registry=context.registry,
        settings=context.settings.model_copy(update={"state": tmp_path / "elsewhere"}),
    )
    other = dataset.load(elsewhere, run, spec())
    assert np.array_equal(first.held_out, other.held_out)
    files = [{path.name: path.read_bytes() for path in folders(at)[0].iterdir()} for at in (context, elsewhere)]
    assert files[0] == files[1]


def test_a_damaged_dataset_is_made_anew(context: Context, run: TrainingRun, spec: Spec) -> None:
    dataset.load(context, run, spec())
    for content in ("{}", "not JSON"):
        (folders(context)[0] / "dataset.json").write_text(content)
        assert dataset.load(context, run, spec()).rows == 240


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        pytest.param({"schedule": "0 3 * * *"}, True, id="schedule"),
        pytest.param({"gate": {"minimum": 0.5}}, True, id="gate"),
        pytest.param({"candidates": [{"name": "x", "estimator": "sklearn.svm.SVC"}]}, True, id="candidates"),
        pytest.param({"holdout": {"fraction": 0.3}}, False, id="holdout"),
        pytest.param({"features": {"leave_out": ["amount", "size"]}}, False, id="features"),
        pytest.param({"source": {"path": "mixed.csv", "decimal": ","}}, False, id="source"),
        pytest.param({"target": "colour", "features": {"leave_out": ["kind"]}}, False, id="target"),
    ],
)
def test_what_of_a_spec_matters_makes_another_dataset(spec: Spec, changes: dict[str, Any], same: bool) -> None:
    assert (store.digest(spec()) == store.digest(spec(**changes))) is same


def test_a_table_that_does_not_fit_leaves_nothing_behind(context: Context, run: TrainingRun, spec: Spec) -> None:
    with pytest.raises(TableError):
        dataset.load(context, run, spec(target="gone"))
    assert folders(context) == []
    assert [path.suffix for path in context.settings.snapshots.iterdir()] == [".parquet"]


def test_a_column_that_the_gate_names_is_looked_for_where_a_dataset_is_there(
    context: Context, run: TrainingRun, spec: Spec
) -> None:
    store.load(context, run, spec())
    asked = spec(gate={"fairness": {"column": "nope", "selection_rate": 0.1}})
    with pytest.raises(TableError, match=r"gate\.fairness\.column: the table has no column 'nope'"):
        store.load(context, run, asked)


def test_of_two_that_make_the_same_dataset_the_first_one_stays(
    context: Context, run: TrainingRun, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = building.build

    def slowly(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(store, "build", build)
        dataset.load(context, run, spec())
        first.update({path: path.stat().st_ino for path in folders(context)[0].iterdir()})
        return build(*arguments, **named)

    first: dict[Path, int] = {}
    monkeypatch.setattr(store, "build", slowly)
    assert dataset.load(context, run, spec()).rows == 240
    assert {path: path.stat().st_ino for path in folders(context)[0].iterdir()} == first
    assert len(first) > 1
