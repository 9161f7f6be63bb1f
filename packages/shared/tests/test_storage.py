"""Errors of real file systems where root may mount one, and of every number else."""

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mlyard_shared.storage import full_disk, storage_fault

from .volumes import fill, mounted


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "volume", size="1m,nr_inodes=20") as folder:
        yield folder


def sentence(error: OSError, *places: Path, setting: str = "") -> str:
    fault = storage_fault(error, *places)
    assert fault is not None
    return fault.sentence(doing="write into", setting=setting)


def test_a_full_disk_is_named_by_the_place_that_is_full(volume: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        fill(volume / "ballast")
    assert caught.value.filename is None
    assert sentence(caught.value, tmp_path, volume, setting="STATE") == (
        f"cannot write into {volume} (its disk is full): free space there, or set STATE to another place"
    )


def test_temporary_files_are_always_among_the_places(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(volume))
    with pytest.raises(OSError, match="No space left") as caught:
        fill(volume / "ballast")
    assert sentence(caught.value, Path("/")) == (
        f"cannot write into {volume} (its disk is full): free space there, or set TMPDIR to another place"
    )


def test_a_disk_without_room_for_another_file_is_not_called_full_of_bytes(volume: Path) -> None:
    files = [volume / str(number) for number in range(30)]
    with pytest.raises(OSError, match="No space left") as caught:
        list(map(Path.touch, files))
    assert "(its disk takes no further file): delete files there" in sentence(caught.value)


def test_an_error_of_numpy_without_a_number_is_that_of_the_full_disk(volume: Path) -> None:
    with pytest.raises(OSError, match="requested and") as caught:
        np.save(volume / "array.npy", np.zeros(1_000_000))
    assert caught.value.errno is None
    assert "its disk is full" in sentence(caught.value, volume)
    (volume / "array.npy").unlink()
    assert storage_fault(OSError("12 requested and 3 written"), volume) is None


def test_a_folder_of_another_user_asks_for_a_permission_and_for_no_space(tmp_path: Path) -> None:
    error = OSError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path))
    said = sentence(error, setting="STATE")
    user = os.getuid()
    assert said == (
        f"cannot write into {tmp_path} (the user {user} may not): let the user {user} read and write there, "
        "or set STATE to another place"
    )


@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        pytest.param(errno.EROFS, "(its disk is mounted read-only): mount it for writing", id="read-only"),
        pytest.param(errno.EDQUOT, "(its quota is used up): free space there, or have the quota", id="quota"),
        pytest.param(errno.EFBIG, "(the file would be larger than the limit): raise that", id="limit of a file"),
        pytest.param(errno.EIO, "(its disk reports an error): look at the disk", id="broken disk"),
        pytest.param(errno.ENOENT, "(there is no such file or folder): see whether the name is right", id="missing"),
        pytest.param(errno.EMFILE, "(too many files are open): raise that limit", id="open files"),
    ],
)
def test_each_cause_has_its_own_way_out(number: int, way_out: str) -> None:
    assert f"/data/table {way_out}" in sentence(OSError(number, os.strerror(number), "/data/table"))


def test_another_place_does_not_help_where_too_many_files_are_open() -> None:
    assert "STATE" not in sentence(OSError(errno.EMFILE, "", "/data/table"), setting="STATE")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(errno.ECONNRESET, "reset"),
        TimeoutError(errno.ETIMEDOUT, "slow"),
        BrokenPipeError(errno.EPIPE, "gone"),
        OSError("of a library"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_of_the_file_system_has_no_explanation(error: OSError) -> None:
    assert storage_fault(error) is None


def test_a_full_disk_is_known_before_something_is_written(volume: Path) -> None:
    assert full_disk(volume / "not/there/yet") is None
    with pytest.raises(OSError, match="No space left"):
        fill(volume / "ballast")
    fault = full_disk(volume / "not/there/yet")
    assert fault is not None
    assert fault.sentence(setting="STATE").startswith(f"cannot write into {volume}/not/there/yet (its disk is full)")
    assert full_disk(volume.parent, least=1 << 60) is not None
