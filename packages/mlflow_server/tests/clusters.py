"""A real PostgreSQL, as it comes from the machine."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from .servers import free_port

PASSWORD = "s3cret@pg"


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL; `uri` is without a database."""

    port: int
    data: Path

    @property
    def uri(self) -> str:
        return f"postgresql://mlyard:s3cret%40pg@127.0.0.1:{self.port}"

    def database(self, name: str) -> str:
        """Make a database, and return its URI."""
        with psycopg.connect(f"{self.uri}/postgres", autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name}")
        return f"{self.uri}/{name}"

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
def cluster(folder_of_programs: Path, data_in: Path | None = None) -> Iterator[Cluster]:
    """Run a new PostgreSQL whose data lie in a folder of their own, or in this one."""
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = (data_in or folder) / "data"
        password = folder / "password"
        password.write_text(PASSWORD)
        if user is not None:
            for owned in (folder, password, data.parent):
                shutil.chown(owned, user)

        def run(program: str, *arguments: str) -> None:
            command = [str(folder_of_programs / program), *arguments]
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        run("initdb", "-D", str(data), "-U", "mlyard", "-A", "scram-sha-256", f"--pwfile={password}", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield Cluster(port, data)
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
