import hashlib
from dataclasses import replace

import pyarrow as pa
import pytest
from mlyard_shared.errors import DigestMismatch, RegistryError
from mlyard_training_pipeline.data import snapshots
from mlyard_training_pipeline.data.snapshots import encode
from mlyard_training_pipeline.tracking.context import Context


def rows(start: int) -> pa.Table:
    return pa.table({"x": [start, None, 3]})


def test_the_same_table_has_the_same_bytes_however_it_was_stored() -> None:
    plain = pa.table({"a": ["x", None, "y"], "b": [1, 2, 3]})
    chunked = pa.concat_tables([plain.slice(0, 1), plain.slice(1)])
    typed = pa.table({"a": pa.array(["x", None, "y"], pa.large_string()).dictionary_encode(), "b": [1, 2, 3]})
    noted = plain.replace_schema_metadata({"pandas": "anything"})
    assert encode(plain) == encode(chunked) == encode(typed) == encode(noted)
    assert encode(plain) != encode(plain.slice(0, 2))


def test_a_table_is_stored_once_for_each_content(context: Context) -> None:
    first = snapshots.take(context, "once", rows(1))
    again = snapshots.take(context, "once", rows(1))
    other = snapshots.take(context, "once", rows(2))
    assert first == again
    assert first.run_id != other.run_id
    assert first.sha256 == hashlib.sha256(encode(rows(1))).hexdigest()


def test_a_snapshot_is_read_from_the_cache_and_from_the_registry(context: Context) -> None:
    snapshot = snapshots.take(context, "read", rows(1))
    assert snapshots.load(context, snapshot).equals(rows(1))
    cached = context.settings.snapshots / f"{snapshot.sha256}.parquet"
    cached.write_bytes(b"damaged")
    assert snapshots.load(context, snapshot).equals(rows(1))
    cached.unlink()
    assert snapshots.load(context, snapshot).equals(rows(1))


def test_a_snapshot_that_was_changed_in_the_registry_is_refused(context: Context) -> None:
    good, other = (snapshots.take(context, "changed", rows(start)) for start in (1, 2))
    (context.settings.snapshots / f"{good.sha256}.parquet").unlink()
    with pytest.raises(DigestMismatch, match=r"snapshot\.parquet"):
        snapshots.load(context, good.model_copy(update={"run_id": other.run_id}))


def test_old_snapshots_are_deleted_with_their_files(context: Context) -> None:
    few = replace(context, settings=context.settings.model_copy(update={"snapshot_retention": 2}))
    taken = [snapshots.take(few, "old", rows(start)) for start in range(4)]
    forgotten = snapshots.forget_old(few, "old", taken[0])
    assert forgotten == (taken[1].sha256,)
    with pytest.raises(RegistryError):
        snapshots.load(few, taken[1])
    assert [snapshots.load(few, taken[kept]).num_rows for kept in (0, 2, 3)] == [3, 3, 3]
