"""Programs in forks of one process that has paid for MLflow's import, which takes longer than most of them."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from multiprocessing import get_context
from pathlib import Path

COMMAND = "from mlyard_mlflow_server.__main__ import main; main()"
"""`mlyard-mlflow-server`, with the arguments that follow."""
BEGIN = """
import os, sys
os.environ.clear()
os.environ.update(variables)
os.chdir(folder)
for number, name in enumerate(files):
    os.dup2(os.open(name, os.O_RDWR | os.O_APPEND), number)
sys.stdin = open(0, closefd=False)
sys.argv = arguments
exec(code, {"__name__": "__main__"})
"""
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "alembic.command",
        "mlflow.server",
        "mlflow.store.tracking.sqlalchemy_store",
        "mlyard_mlflow_server.cli",
        "mlyard_mlflow_server.people",
        "mlyard_mlflow_server.start",
        "psycopg",
        "sqlalchemy.dialects.postgresql.psycopg",
        "sqlalchemy.dialects.sqlite",
        "uvicorn.main",
    ]
)
"""All but MLflow's sign-in, which reads its configuration while it is imported."""


class Fork:
    """A program, as `subprocess.Popen` has it."""

    def __init__(self, code: str, *arguments: str, folder: Path, variables: Mapping[str, str], stdin: str = "") -> None:
        self._files = [tempfile.NamedTemporaryFile("w+") for _ in range(3)]  # noqa: SIM115 - closed by `communicate`
        self._files[0].write(stdin)
        self._files[0].flush()
        given = {
            "code": code,
            "arguments": ["mlyard-mlflow-server", *arguments],
            "folder": str(folder),
            "variables": dict(variables),
            "files": [file.name for file in self._files],
        }
        self._process = FORKS.Process(target=exec, args=(BEGIN, given))
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def communicate(self, timeout: float = 240) -> tuple[str, str]:
        """Wait for its end, and return what it said on standard output and error."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, "it has not ended in time"
        said = [Path(file.name).read_text() for file in self._files[1:]]
        for file in self._files:
            file.close()
        return said[0], said[1]


def run(
    code: str, *arguments: str, folder: Path, variables: Mapping[str, str], stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    fork = Fork(code, *arguments, folder=folder, variables=variables, stdin=stdin)
    said, complained = fork.communicate()
    assert fork.returncode is not None
    return subprocess.CompletedProcess([*arguments], fork.returncode, said, complained)
