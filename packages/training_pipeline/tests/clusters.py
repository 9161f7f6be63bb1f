"""A real PostgreSQL, as it comes from the machine."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL that wants a password; `uri` is without a database."""

    port: int
    data: Path

    @property
    def uri(self) -> str:
        return f"postgresql://mlyard:s3cret%40pg@127.0.0.1:{self.port}"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all of its processes for a while, as a paused container does."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True, check=True)
        processes = [first, *map(int, listed.stdout.split())]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(processes):
                os.kill(process, signal.SIGCONT)


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, None where it is not installed."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("pg_ctl") or (str(versions[-1] / "pg_ctl") if versions else None)
    return Path(found).parent if found else None


@contextmanager
def cluster(folder_of_programs: Path) -> Iterator[Cluster]:
    """Run a new PostgreSQL."""
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        password = folder / "password"
        password.write_text("s3cret@pg")
        if user is not None:
            shutil.chown(folder, user)
            shutil.chown(password, user)

        def run(program: str, *arguments: str) -> None:
            command = [str(folder_of_programs / program), *arguments]
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        data = folder / "data"
        run("initdb", "-D", str(data), "-U", "mlyard", "-A", "scram-sha-256", f"--pwfile={password}", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield Cluster(port, data)
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
