"""The state folder of a stack: where everything is."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mlyard_local.errors import StateError
from mlyard_local.inventory import Inventory

PRIVATE = 0o700

NEXT_TO_NOTHING = 256 * 1024
"""Bytes that are left of a disk on which no service can work."""

SOCKET_LENGTH = 85
"""Unix sockets have paths of 103 bytes at most on macOS, and supervisor adds a suffix while it makes its own."""


@dataclass(frozen=True)
class StateFolder:
    """Where everything of one stack is kept; `path` is absolute."""

    path: Path

    @property
    def run(self) -> Path:
        """What only a running stack has: configuration, socket, lock."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        """One file for each service."""
        return self.path / "logs"

    @property
    def secrets(self) -> Path:
        """One folder for each service that reads secrets."""
        return self.path / "secrets"

    @property
    def lock(self) -> Path:
        """The file that `up` holds locked."""
        return self.run / "lock"

    @property
    def configuration(self) -> Path:
        """The supervisor's configuration, which the keeper waits for."""
        return self.run / "supervisord.conf"

    @property
    def socket(self) -> Path:
        """Where the running supervisor listens."""
        try:
            return Path((self.run / "socket").read_text())
        except OSError:
            return self.run / "supervisor.sock"

    def log(self, service: str) -> Path:
        """Return the log of one service."""
        return self.logs / f"{service}.log"

    def prepare(self) -> None:
        """Make the folders that are missing.

        Raises:
            StateError: the folder cannot be made or written to.
        """
        folders = [self.path, *(self.path / name for name in ("run", "logs", *Inventory.load().folders()))]
        for folder in folders:
            try:
                folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
            except OSError as error:
                raise StateError.of(folder, error) from error
            if not os.access(folder, os.W_OK | os.X_OK):
                raise StateError(folder, "it is not writable for you")

    def is_full(self) -> bool:
        """Return whether its disk takes nothing more, or next to nothing."""
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize < NEXT_TO_NOTHING or (disk.f_files > 0 and disk.f_favail == 0)

    def place_socket(self) -> None:
        """Choose the supervisor's socket and write down where it is: a folder of its own where the path is too long."""
        path = self.run / "supervisor.sock"
        if len(os.fsencode(path)) > SOCKET_LENGTH:
            path = Path(tempfile.mkdtemp(prefix="mlyard-")) / "s"
        (self.run / "socket").write_text(str(path))

    def clear(self) -> None:
        """Remove what a stack leaves in the folder that has ended, or was killed."""
        path = self.socket
        if path.parent != self.run and path.parent.name.startswith("mlyard-"):
            shutil.rmtree(path.parent, ignore_errors=True)
        left = [self.configuration, *(self.run / name for name in ("supervisor.sock", "socket", "supervisord.pid"))]
        for leftover in [*left, *(self.path / "airflow").glob("airflow-*.pid")]:
            leftover.unlink(missing_ok=True)
