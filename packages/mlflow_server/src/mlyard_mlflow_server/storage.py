"""Where the server keeps things, and what their faults are called."""

import errno
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mlyard_shared.errors import MlyardError

ARTIFACTS = "the artifacts"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
UPLOADING = ".artifact.uploading."
"""How MLflow's names of files begin that are not there as a whole yet; a test holds it to the installed version's."""
STILL_SECONDS = 3600
UNUSABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}

# PostgreSQL's SQLSTATEs and classes of them (appendix A of its manual).
DISK_FULL = "53100"
AWAY = ("08", "53", "57P")

# SQLite's result codes. A file that may not grow, by a limit or a quota, is an error of input and output to it.
FILE_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
FILE_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
FILE_UNUSABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT}


class StorageLost(MlyardError):
    """A place is not there any more, or not as it was."""


class Fault(NamedTuple):
    """What storage cannot do: an HTTP status, MLflow's code of the error, and the sentence."""

    status: int
    code: str
    message: str


def remove_remains(artifacts: Path) -> None:
    """Remove what uploads have left whose server was killed: MLflow neither lists these files nor uses them again.

    Another server may be writing one into the same folder now, so they have to be still for an hour.
    """
    for folder, _, names in os.walk(artifacts):
        for name in names:
            if name.startswith(UPLOADING):
                with suppress(OSError):
                    file = Path(folder, name)
                    if time.time() - file.stat().st_mtime > STILL_SECONDS:
                        file.unlink()


class Storage:
    """The places by the names that a message uses."""

    def __init__(self, *, database: str, artifacts: Path | None) -> None:
        """Name the database as a message may, and the folder of the artifacts, None where they lie in a bucket."""
        self._database = f"the database ({database})"
        self._folders = {"the temporary files": Path(tempfile.gettempdir())}
        if artifacts is not None:
            self._folders = {ARTIFACTS: artifacts, **self._folders}

    def look(self) -> None:
        """See that artifacts can be read and written.

        Raises:
            StorageLost: their folder is gone, or not for this user.
        """
        folder = self._folders.get(ARTIFACTS)
        if folder is None:
            return
        if not folder.is_dir():
            raise StorageLost(f"the folder of the artifacts is gone: {folder}; bring its volume back")
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise StorageLost(
                f"the folder of the artifacts cannot be written: {folder}; let the server's user write there"
            )

    def files_fault(self, error: OSError) -> Fault | None:
        """Explain an error of the file system, None where it is not one of storage."""
        if error.errno in FULL:
            what, folder = min(self._folders.items(), key=lambda named: _free(named[1]))
            return _full(f"{what} ({folder})")
        if error.errno not in UNUSABLE:
            return None
        place = f"the file {error.filename}" if error.filename else "a file of the artifacts"
        way_out = "let the server's user read and write there"
        if error.errno in {errno.EROFS, errno.EIO}:
            way_out = "look at its volume"
        return Fault(500, "INTERNAL_ERROR", f"{place} cannot be used ({os.strerror(error.errno)}): {way_out}")

    def database_fault(self, error: BaseException, *, away: bool) -> Fault | None:
        """Explain an error of a database's driver; `away` tells that there is no connection any more."""
        reason = str(error).partition("\n")[0] or type(error).__name__
        state = getattr(error, "sqlstate", None) or ""
        code = getattr(error, "sqlite_errorcode", None)
        if state == DISK_FULL or code in FILE_FULL:
            return _full(self._database)
        if code is not None and code & 0xFF in FILE_LOCKED:
            return _away(f"{self._database} is locked by another program: stop that program, or try again")
        if away or state.startswith(AWAY) or (code is not None and code & 0xFF in FILE_UNUSABLE):
            return _away(f"{self._database} cannot be used now ({reason}): see its log and whether its volume is full")
        if any(kind.__name__ == "DataError" for kind in type(error).__mro__):
            return Fault(400, "INVALID_PARAMETER_VALUE", f"a value of the request cannot be stored: {reason}")
        return None


def _full(what: str) -> Fault:
    message = f"the volume of {what} is full: free space there, then send this again; nothing of it was kept"
    return Fault(507, "RESOURCE_EXHAUSTED", message)


def _away(message: str) -> Fault:
    return Fault(503, "TEMPORARILY_UNAVAILABLE", message)


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
