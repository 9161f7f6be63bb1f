"""A real PostgreSQL, and the one way in which a query is read."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.sources import read_table
from pydantic import SecretStr

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URI, without a database, of a real PostgreSQL that wants a password."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("pg_ctl") or (str(programs[-1] / "pg_ctl") if programs else None)
    if found is None:
        pytest.skip("no PostgreSQL on this machine (no pg_ctl in PATH or /usr/lib/postgresql): its tests were left out")
    with _cluster(Path(found).parent) as port:
        yield f"postgresql://mlyard:s3cret%40pg@127.0.0.1:{port}"


@contextmanager
def _cluster(programs: Path) -> Iterator[int]:
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
            command = [str(programs / program), *arguments]
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

        data = str(folder / "data")
        run("initdb", "-D", data, "-U", "mlyard", "-A", "scram-sha-256", f"--pwfile={password}", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        run("pg_ctl", "-D", data, "-w", "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield port
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")


@pytest.fixture
def ask(spec: Callable[..., ModelSpec], tmp_path: Path) -> Ask:
    """Read a query over one connection."""

    def read(url: str, query: str, *, name: str = "warehouse", known: str = "warehouse", **source: Any) -> Any:
        made = spec(source={"connection": name, "query": query, **source})
        return read_table(made, tmp_path, {known: SecretStr(url)})

    return read


@pytest.fixture
def said() -> Ask:
    """Return the sentence, of one line and without a password, of the error that a call ends with."""

    def sentence(error: type[Exception], call: Callable[[], Any]) -> str:
        with pytest.raises(error) as caught:
            call()
        message = str(caught.value)
        assert type(caught.value) is error
        assert "\n" not in message
        assert "hunter2" not in message
        assert "s3cret" not in message
        return message

    return sentence
