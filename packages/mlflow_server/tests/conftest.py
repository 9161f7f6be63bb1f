import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from .clusters import Cluster, cluster, programs
from .servers import Server, free_port, sign_in

SHARERS = {f"test_{name}.py" for name in ("auth", "faults", "health", "locations", "origin", "pages")}
SHARERS |= {"test_serve.py", "test_sign_in.py", "test_users.py"}
"""Files whose tests share the running servers."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let one worker of pytest-xdist run all that uses the shared servers, so that they are started once."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    scheduler = LoadFileScheduling(config, log)
    by_file = scheduler._split_scope
    scheduler._split_scope = lambda test: "servers" if Path(by_file(test)).name in SHARERS else by_file(test)
    return scheduler


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers that are stopped when the test ends."""
    with ExitStack() as stack:

        def start(*, port: int = 0, **settings: str) -> Server:
            server = Server(tmp_path, port=port or free_port(), settings=settings)
            stack.callback(server.end)
            return server

        yield start


@contextmanager
def two_at_once(folder: Path, first: dict[str, str], second: dict[str, str]) -> Iterator[tuple[Server, Server]]:
    """Start two servers in one folder, and hold the logs of both against what none of the tests may leave there."""
    both = Server(folder, port=free_port(), settings=first), Server(folder, port=free_port(), settings=second)
    try:
        yield both
    finally:
        for running in both:
            running.end()
    for running in both:
        assert_quiet(running)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two that start at once on a new SQLite, without sign-in; the second one is reached by everyone."""
    names = {"MLYARD_MLFLOW_SERVER_ALLOWED_HOSTS": "tracking.example.com, *.internal.example"}
    with two_at_once(tmp_path_factory.mktemp("servers"), names, {"MLYARD_MLFLOW_SERVER_HOST": "0.0.0.0"}) as both:
        yield both


@pytest.fixture(scope="session")
def server(servers: tuple[Server, Server]) -> Server:
    """The first of these, for all tests that leave it as it was."""
    return servers[0].wait()


@pytest.fixture(scope="session")
def servers_with_sign_in(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[tuple[Server, Server]]:
    """Two that start at once with sign-in, on a new PostgreSQL where there is one; the second one has two workers."""
    folder = tmp_path_factory.mktemp("signed-in")
    (folder / "tmp").mkdir()
    settings = {**sign_in(folder), "TMPDIR": str(folder / "tmp")}
    if programs() is not None:
        settings["BACKEND_STORE_URI"] = request.getfixturevalue("postgresql").database("signed_in")
    with two_at_once(folder, settings, {**settings, "MLYARD_MLFLOW_SERVER_WORKERS": "2"}) as both:
        yield both


@pytest.fixture(scope="session")
def signed_in(servers_with_sign_in: tuple[Server, Server]) -> Server:
    """The first of these, for all tests that leave it as it was."""
    return servers_with_sign_in[0].wait()


def assert_quiet(server: Server) -> None:
    """Whatever the tests did, the log has no traceback, no SQL, no secret and no line for a request that went well."""
    log = server.log.read_text()
    expected = ("experimental", "invalid Host header", "a page of", "Started parent process", "Started server process")
    for line in log.splitlines():
        if "WARNING" in line:
            assert any(text in line for text in expected), line
        for what in ("Traceback", "SELECT ", "INSERT ", "s3cret", "HTTP/1.1", "Warning"):
            assert what not in line


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A real PostgreSQL that wants a password."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL on this machine (no pg_ctl in PATH or /usr/lib/postgresql): its tests were left out")
    with cluster(found) as running:
        yield running


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    folder = tmp_path / "volume"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m,mode=755", "tmpfs", str(folder)]
    try:
        mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no volume can be mounted here (that takes root): its tests were left out")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
