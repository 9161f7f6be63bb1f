from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from mlyard_shared.errors import DigestMismatch, RegistryError, SettingsError, TableError
from mlyard_shared.manifest import file_digest
from mlyard_training_pipeline.data import snapshots
from mlyard_training_pipeline.data.sources import TableStream
from mlyard_training_pipeline.data.table import Table
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.names import SHA256


def rows(start: int) -> TableStream:
    table = pa.table({"x": [start, None, 3]})
    return TableStream(table.schema, iter(table.to_batches()), "the table")


def first(context: Context, snapshot: Any) -> Any:
    return next(Table(snapshots.fetch(context, snapshot)).runs("x")).values[0].as_py()


def test_a_table_is_stored_once_for_each_content(context: Context) -> None:
    one, again, other = (snapshots.take(context, "once", rows(start)) for start in (1, 1, 2))
    assert one == again
    assert one.run_id != other.run_id
    assert one.rows == 3
    assert one.sha256 == file_digest(snapshots.cached(context, one.sha256))
    assert [path.suffix for path in context.settings.snapshots.iterdir()] == [".parquet"] * 2


def test_a_snapshot_is_read_from_the_cache_and_from_the_registry(context: Context) -> None:
    snapshot = snapshots.take(context, "read", rows(7))
    assert first(context, snapshot) == 7
    cached = snapshots.cached(context, snapshot.sha256)
    cached.write_bytes(b"damaged")
    assert first(context, snapshot) == 7
    cached.unlink()
    assert first(context, snapshot) == 7
    assert [path.name for path in cached.parent.iterdir()] == [cached.name]


def test_a_snapshot_that_was_changed_in_the_registry_is_refused(context: Context) -> None:
    good, other = (snapshots.take(context, "changed", rows(start)) for start in (1, 2))
    snapshots.cached(context, good.sha256).unlink()
    with pytest.raises(DigestMismatch, match=r"snapshot\.parquet"):
        snapshots.fetch(context, good.model_copy(update={"run_id": other.run_id}))


def test_old_snapshots_are_deleted_with_their_files_and_what_was_made_of_them(context: Context) -> None:
    few = replace(context, settings=context.settings.model_copy(update={"snapshot_retention": 2}))
    taken = [snapshots.take(few, "old", rows(start)) for start in range(4)]
    dataset = snapshots.cached(few, taken[1].sha256).with_suffix(".0123456789abcdef")
    dataset.mkdir()
    (dataset / "float64.npy").touch()
    forgotten = snapshots.forget_old(few, "old", taken[0])
    assert forgotten == (taken[1].sha256,)
    assert not dataset.exists()
    with pytest.raises(RegistryError):
        snapshots.fetch(few, taken[1])
    assert [first(few, taken[kept]) for kept in (0, 2, 3)] == [0, 2, 3]


def test_tables_are_out_of_the_way_of_trainings_and_those_of_an_earlier_version_are_found_among_them(
    context: Context,
) -> None:
    taken = snapshots.take(context, "apart", rows(1))
    assert context.tracking.search(context.tracking.experiment("apart")) == []
    (stored,) = context.tracking.search(context.tracking.table_experiment("apart"))
    assert stored.info.run_name == f"apart · 3 rows · {taken.sha256[:12]}"
    experiment, tags = context.tracking.experiment("apart"), {SHA256: "0" * 64}
    earlier = context.tracking.create(experiment, "snapshot", name="snapshot 000000000000", tags=tags)
    few = replace(context, settings=context.settings.model_copy(update={"snapshot_retention": 1}))
    assert snapshots.forget_old(few, "apart", taken) == ()
    newest = snapshots.take(context, "apart", rows(2))
    assert set(snapshots.forget_old(few, "apart", newest)) == {taken.sha256, "0" * 64}
    assert context.tracking.get(earlier.info.run_id).info.lifecycle_stage == "deleted"


def test_a_table_that_breaks_off_leaves_nothing_behind(context: Context) -> None:
    def batches() -> Any:
        yield from pa.table({"x": [1]}).to_batches()
        raise TableError("line 7: a stray quote")

    with pytest.raises(TableError, match="line 7"):
        snapshots.take(context, "broken", TableStream(pa.schema([("x", pa.int64())]), batches(), "the table"))
    assert list(context.settings.snapshots.iterdir()) == []
    assert context.registry.client.get_experiment_by_name("broken") is None


def test_a_cache_that_cannot_be_written_to_names_the_setting(context: Context) -> None:
    state = context.settings.state
    state.mkdir(parents=True, exist_ok=True)
    context.settings.snapshots.write_text("a file in its place")
    with pytest.raises(SettingsError, match="MLYARD_TRAINING_PIPELINE_STATE"):
        snapshots.take(context, "denied", rows(1))
