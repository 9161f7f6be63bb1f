import errno
import os
import sqlite3
from pathlib import Path

import psycopg
import pytest
from mlyard_mlflow_server.storage import Fault, Storage, StorageLost, remove_remains

STORAGE = Storage(database="mlflow on database", artifacts=Path("/"))


def test_what_a_killed_upload_has_left_is_removed_once_it_is_still(tmp_path: Path) -> None:
    folder = tmp_path / "1" / "run" / "artifacts"
    folder.mkdir(parents=True)
    old, new, kept = folder / ".artifact.uploading.old", folder / ".artifact.uploading.new", folder / "model.pkl"
    for file in (old, new, kept):
        file.write_bytes(b"x")
    for file in (old, kept):
        os.utime(file, (0, 0))
    remove_remains(tmp_path)
    assert [file.exists() for file in (old, new, kept)] == [False, True, True]
    remove_remains(tmp_path / "not-there")


def test_a_folder_of_artifacts_that_is_gone_is_said(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    storage = Storage(database="", artifacts=artifacts)
    with pytest.raises(StorageLost, match=f"the folder of the artifacts is gone: {artifacts}"):
        storage.look()
    artifacts.mkdir()
    storage.look()
    Storage(database="", artifacts=None).look()


def files(code: int, filename: str | None = None) -> Fault | None:
    return STORAGE.files_fault(OSError(code, os.strerror(code), filename))


def database(error: BaseException, *, away: bool = False) -> Fault:
    found = STORAGE.database_fault(error, away=away)
    assert found is not None
    return found


def sqlite(code: int, reason: str) -> sqlite3.Error:
    error = sqlite3.OperationalError(reason)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_volume_is_named_and_the_way_out_is_space(code: int) -> None:
    found = files(code)
    assert found is not None
    assert (found.status, found.code) == (507, "RESOURCE_EXHAUSTED")
    assert "is full: free space there" in found.message


def test_the_volume_that_is_named_is_the_one_without_space(small_volume: Path) -> None:
    storage = Storage(database="", artifacts=Path.cwd())
    storage._folders["the temporary files"] = small_volume
    found = storage.files_fault(OSError(errno.ENOSPC, ""))
    assert found is not None
    assert f"the volume of the temporary files ({small_volume})" in found.message


@pytest.mark.parametrize(
    ("code", "way_out"),
    [
        pytest.param(errno.EACCES, "let the server's user read and write there", id="permission"),
        pytest.param(errno.EROFS, "look at its volume", id="read-only"),
        pytest.param(errno.EIO, "look at its volume", id="broken"),
    ],
)
def test_the_way_out_fits_the_cause(code: int, way_out: str) -> None:
    found = files(code, "/artifacts/1/model")
    assert found is not None
    assert (found.status, found.code) == (500, "INTERNAL_ERROR")
    assert "/artifacts/1/model" in found.message
    assert found.message.endswith(way_out)


@pytest.mark.parametrize("code", [errno.ECONNRESET, errno.ENOENT, errno.EPIPE])
def test_other_errors_are_not_storages(code: int) -> None:
    assert files(code) is None


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(psycopg.errors.DiskFull('could not extend file "base/1/2"'), id="postgresql"),
        pytest.param(sqlite(sqlite3.SQLITE_FULL, "database or disk is full"), id="sqlite"),
        pytest.param(sqlite(sqlite3.SQLITE_IOERR_WRITE, "disk I/O error"), id="sqlite-by-a-limit"),
    ],
)
def test_a_full_database_is_named(error: Exception) -> None:
    found = database(error)
    assert (found.status, found.code) == (507, "RESOURCE_EXHAUSTED")
    assert "the volume of the database (mlflow on database) is full" in found.message


@pytest.mark.parametrize(
    ("error", "away"),
    [
        pytest.param(psycopg.OperationalError("connection refused"), True, id="refused"),
        pytest.param(psycopg.errors.CannotConnectNow("the database system is starting up"), False, id="starting"),
        pytest.param(psycopg.errors.AdminShutdown("terminating connection"), False, id="stopped"),
        pytest.param(psycopg.errors.TooManyConnections("sorry, too many clients already"), False, id="busy"),
        pytest.param(sqlite(sqlite3.SQLITE_BUSY, "database is locked"), False, id="locked"),
        pytest.param(sqlite(sqlite3.SQLITE_READONLY, "attempt to write a readonly database"), False, id="read-only"),
        pytest.param(sqlite(sqlite3.SQLITE_CANTOPEN, "unable to open database file"), False, id="gone"),
    ],
)
def test_a_database_that_is_away_is_temporary(error: Exception, away: bool) -> None:
    found = database(error, away=away)
    assert (found.status, found.code) == (503, "TEMPORARILY_UNAVAILABLE")
    assert "mlflow on database" in found.message


def test_a_value_that_cannot_be_stored_is_the_clients() -> None:
    found = database(psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"))
    assert (found.status, found.code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "error", [psycopg.errors.UniqueViolation("duplicate key"), sqlite3.IntegrityError("UNIQUE constraint failed")]
)
def test_what_mlflow_lives_with_is_not_a_fault(error: Exception) -> None:
    assert STORAGE.database_fault(error, away=False) is None
