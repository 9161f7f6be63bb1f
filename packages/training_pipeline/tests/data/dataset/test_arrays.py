from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from mlyard_training_pipeline.data.dataset.arrays import ArrayReader, ArrayWriter, Kind, Place


def test_columns_are_written_run_by_run_and_mapped(tmp_path: Path) -> None:
    written: dict[Place, list[float]] = {}
    with ArrayWriter(tmp_path, 5) as writer:
        for kind in ("float64", "int32", "float64", "bool", "int64"):
            with writer.column(kind) as column:
                values = (np.arange(5) + len(written)).astype(kind)
                column.append(values[:2])
                column.append(values[2:])
            written[column.place] = values.tolist()
    reader = ArrayReader(tmp_path)
    assert {place: reader.column(place).tolist() for place in written} == written
    assert [place.position for place in written] == [0, 0, 1, 0, 0]
    assert all(reader.column(place).flags.c_contiguous for place in written)
    assert np.load(tmp_path / "float64.npy").shape == (5, 2)


def test_a_column_that_was_given_up_leaves_no_trace(tmp_path: Path) -> None:
    with ArrayWriter(tmp_path, 3) as writer:
        with suppress(ValueError), writer.column("float64") as column:
            column.append(np.ones(2))
            raise ValueError
        with writer.column("float64") as column:
            column.append(np.arange(3.0))
        assert writer.read(column.place, slice(1, 3)).tolist() == [1, 2]
    assert ArrayReader(tmp_path).column(Place("float64", 0)).tolist() == [0, 1, 2]
    assert (tmp_path / "float64.npy").stat().st_size == 128 + 3 * 8


@pytest.mark.parametrize("kind", ["float64", "int64", "int32", "bool"])
def test_rows_can_be_read_before_the_file_is_done(tmp_path: Path, kind: Kind) -> None:
    places = []
    with ArrayWriter(tmp_path, 4) as writer:
        for start in (0, 1):
            with writer.column(kind) as column:
                column.append(np.array([start, 1, 0, 1]))
            places.append(column.place)
        assert [writer.read(place, slice(0, 4)).tolist() for place in places] == [[0, 1, 0, 1], [1, 1, 0, 1]]
