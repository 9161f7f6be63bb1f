"""One engine, one set of images and one stack for the session; nothing of them is left behind, also after a failure.

Without `--full` the smoke tests run: those that carry no mark `full`.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import wait_until

from .airflow import Airflow
from .docker import docker, run
from .registry import Mlflow
from .stack import PACKAGES, Stack, image

DEAD_PROXY = "http://127.0.0.1:9"
"""Nothing listens there: what is sent to it fails at once."""
DATABASE = "postgres:17-trixie"
FIGURES = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run all tests, not only the smoke tests")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: runs with --full only")
    config.addinivalue_line("markers", "first: runs before all others, on the stack as it has just been started")
    config.addinivalue_line("markers", "last: runs after all others, since it takes the stack away")
    config.stash[FIGURES] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [] if config.getoption("--full") else [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    items.sort(
        key=lambda item: (item.get_closest_marker("last") is not None) - (item.get_closest_marker("first") is not None)
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if figures := config.stash[FIGURES]:
        terminalreporter.section("measured")
        for line in figures:
            terminalreporter.line(line)


class Figures:
    """What the tests measure, printed after them."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def note(self, line: str) -> None:
        """Keep a line for the end."""
        self._lines.append(line)


@pytest.fixture(scope="session")
def figures(pytestconfig: pytest.Config) -> Figures:
    return Figures(pytestconfig.stash[FIGURES])


@pytest.fixture(scope="session")
def engine() -> None:
    """A Docker Engine with Compose. Other stacks may run on it."""
    try:
        run("docker", "info", seconds=30)
        run("docker", "compose", "version", seconds=30)
    except (AssertionError, FileNotFoundError, subprocess.TimeoutExpired) as error:
        pytest.skip(
            f"NO TEST OF THE STACK IN CONTAINERS WAS RUN: there is no Docker Engine with Compose here ({error})"
        )
    # Where no registry is reached, the release may be there under its plain name only.
    plain = DATABASE.rpartition("-")[0]
    if not docker("images", "--quiet", DATABASE) and docker("images", "--quiet", plain):
        docker("tag", plain, DATABASE)


@pytest.fixture(scope="session")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration of Docker's that gives every container a proxy, and one that takes nothing."""
    folder = tmp_path_factory.mktemp("docker")
    proxies = {"httpProxy": DEAD_PROXY, "httpsProxy": DEAD_PROXY, "noProxy": "*.example.org"}
    (folder / "config.json").write_text(json.dumps({"proxies": {"default": proxies}}))
    return folder


@pytest.fixture(scope="session")
def images(engine: None, tmp_path_factory: pytest.TempPathFactory, figures: Figures) -> Iterator[dict[str, str]]:
    """The three images by package, built as compose builds them."""
    stack = Stack(tmp_path_factory.mktemp("build"))
    stack.remove()
    stack.compose("build", seconds=1200)
    try:
        tagged = {service["image"] for service in stack.configuration()["services"].values() if "build" in service}
        yield {package: next(tag for tag in tagged if tag.startswith(f"{image(package)}:")) for package in PACKAGES}
    finally:
        names = [f"reference={image(package)}" for package in PACKAGES]
        filters = [word for name in names for word in ("--filter", name)]
        if found := docker("images", "--quiet", *filters).split():
            docker("rmi", "--force", *dict.fromkeys(found))


@pytest.fixture(scope="session")
def stack(
    images: dict[str, str],
    behind_proxy: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    figures: Figures,
) -> Iterator[Stack]:
    """The whole stack, started on empty volumes in a terminal; the examples are being trained.

    Docker's configuration has a proxy that takes nothing: where a service asks another through it, all tests fail.
    """
    stack = Stack(tmp_path_factory.mktemp("stack"), docker_config=behind_proxy)
    stack.remove()
    terminal = stack.up_in_terminal()
    try:
        wait_until(lambda: "ensure" in stack.containers(), seconds=120, what="the containers made")
        yield stack
        if request.session.testsfailed:
            print(stack.compose("ps", "--all"), stack.compose("logs", "--no-color", "--tail", "60"))  # noqa: T201
    finally:
        terminal.kill()
        terminal.wait()
        stack.remove()


@pytest.fixture(scope="session")
def trained(stack: Stack) -> Stack:
    """The same stack, with every example trained and served and every part healthy."""
    stack.wait_for_ensure()
    stack.wait_until_healthy()
    return stack


@pytest.fixture
def airflow(trained: Stack) -> Airflow:
    return Airflow(trained.airflow, password=trained.login.airflow)


@pytest.fixture
def mlflow(trained: Stack) -> Mlflow:
    return Mlflow(trained.mlflow, user="admin", password=trained.login.mlflow)
