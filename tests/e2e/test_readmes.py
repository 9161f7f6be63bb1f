"""Each package's README as someone follows it who works on that package alone, in a fresh clone.

What is followed are the lines of "Working on it" but for those that run all the tests, all the long ones or the types,
which have commands of their own.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from ports import free_ports
from waiting import wait_until

from .stack import OURS, ROOT

LONG = re.compile(r"hatch run [\w-]+:(test( -m \w+)?|types)$")
ADDRESS = {"mlflow_server": "http://127.0.0.1:5000", "model_api": "http://127.0.0.1:8000"}
READY = "/health/ready"
SECONDS = 240


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as it is here, without what a checkout would not have."""
    folder = tmp_path_factory.mktemp("clone")
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


class Reader:
    """Someone with a shell in the clone, whose Hatch keeps its environments aside."""

    def __init__(self, clone: Path, package: str, folder: Path) -> None:
        self.lines = list(commands(clone / "packages" / package / "README.md"))
        self.clone = clone
        self._folder = folder
        shell = {name: value for name, value in os.environ.items() if not name.startswith((*OURS, "MLYARD_"))}
        # The service's own port may be taken on this machine.
        self.port = free_ports(1)[0]
        self._default = ADDRESS.get(package, "")
        self.address = f"http://127.0.0.1:{self.port}"
        self._environment = shell | {
            "HATCH_DATA_DIR": str(clone.with_name(f"{clone.name}-hatch")),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{shell['PATH']}",
            f"MLYARD_{package.upper()}_PORT": str(self.port),
            "NO_COLOR": "1",
        }

    def run(self, line: str) -> str:
        """Run a line as it stands and return what it printed."""
        here = line.replace(self._default, self.address) if self._default else line
        ended = subprocess.run(
            ["bash", "-c", here],
            cwd=self.clone,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, f"{line}\n{ended.stdout}"
        assert "Traceback" not in ended.stdout
        return ended.stdout

    def serve(self, line: str, address: str = "") -> Iterator[str]:
        """Run a line that stays, until it is ready; yield what it printed, and end it as Ctrl-C does.

        Without an address, it is the one that it prints.
        """
        output = self._folder / "serve.log"
        with output.open("wb") as written:
            process = subprocess.Popen(
                shlex.split(line),
                cwd=self.clone,
                env=self._environment,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        try:

            def is_ready() -> bool:
                assert process.poll() is None, output.read_text()
                asked = address or shown_address(output.read_text())
                try:
                    return bool(asked) and httpx.get(f"{asked}{READY}", timeout=5, trust_env=False).is_success
                except httpx.TransportError:
                    return False

            wait_until(is_ready, seconds=SECONDS, what=f"an answer of `{line}`")
            yield output.read_text()
            os.killpg(process.pid, signal.SIGINT)
            process.wait(20)
            assert "Traceback" not in output.read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def shown_address(text: str) -> str:
    """The first address in a text."""
    found = re.search(r"http://127\.0\.0\.1:\d+", text)
    return found[0] if found else ""


def commands(readme: Path) -> Iterator[str]:
    """The lines of the code blocks below "Working on it", without their comments."""
    section = re.split(r"^## ", readme.read_text(), flags=re.MULTILINE)
    [own] = [text for text in section if text.startswith("Working on it")]
    for block in re.findall(r"^```\w*\n(.*?)^```", own, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.sub(r"\s+# .*", "", line).strip()
            if command and not LONG.match(command) and "contract:" not in command:
                yield command


def models(registry: str) -> list[str]:
    """The registered models of an MLflow server."""
    answer = httpx.get(f"{registry}/api/2.0/mlflow/registered-models/search", trust_env=False)
    return [model["name"] for model in answer.raise_for_status().json()["registered_models"]]


@pytest.fixture
def reader(request: pytest.FixtureRequest, clone: Path, tmp_path: Path) -> Reader:
    return Reader(clone, request.param, tmp_path)


@pytest.mark.parametrize("reader", ["shared", "training_pipeline"], indirect=True)
def test_a_package_without_a_server(reader: Reader) -> None:
    assert len(reader.lines) >= 2
    for line in reader.lines:
        if line.endswith(":registry"):
            for output in reader.serve(line):
                assert "penguins" in models(shown_address(output))
        else:
            print(f"$ {line}\n{reader.run(line)}")  # noqa: T201 - pytest shows it for a failed test


@pytest.mark.parametrize("reader", ["mlflow_server", "model_api"], indirect=True)
def test_a_service_that_runs_without_the_others(reader: Reader) -> None:
    serve, *others = reader.lines
    assert serve.endswith(":serve")
    assert len(others) >= 2
    for output in reader.serve(serve, reader.address):
        for line in others:
            print(f"$ {line}\n{reader.run(line)}")  # noqa: T201
        for shown in re.findall(r"^ +(curl .*)$", output, re.MULTILINE):
            assert '"predictions"' in reader.run(shown.replace(reader.address, ADDRESS["model_api"]))
