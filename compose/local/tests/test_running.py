"""A stack that is up, and `ps`, `logs` and a second `up` beside it. The tests share one stack and leave it running."""

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import psutil
import pytest

from .conftest import StubStack, call, wait_until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StubStack]:
    stubs = StubStack(tmp_path_factory.mktemp("running"))
    stubs.web()
    stubs.web("api", ready="/unready")
    stubs.python("first", "import time; time.sleep(0.5)", one_shot=True)
    code = "import os, time; [(print(os.environ['MLYARD_STUB'], flush=True), time.sleep(.1)) for _ in iter(int, 1)]"
    stubs.python("second", code, needs=["first"])
    try:
        stubs.up_complete()
        yield stubs
    finally:
        stubs.end()


def test_the_services_start_in_order_and_up_says_when_each_is_up(running: StubStack) -> None:
    said = running.said()
    assert said.index("first") < said.index("second") < said.index("complete")
    assert f"http://127.0.0.1:{running.services[0]['port']}" in said


def test_services_see_their_variables_whatever_is_in_them(running: StubStack) -> None:
    assert running.folder.log("second").read_text().startswith('it\'s 100% "odd"\n')


def test_the_state_folder_and_the_socket_are_private(running: StubStack) -> None:
    paths = [
        running.folder.path,
        running.folder.run,
        running.folder.logs,
        running.folder.socket,
        running.folder.log("web"),
    ]
    assert {path.name: path.stat().st_mode & 0o077 for path in paths} == dict.fromkeys((p.name for p in paths), 0)


def test_ps_shows_service_state_pid_and_address(running: StubStack) -> None:
    wait_until(lambda: "starting" not in call(running, "ps").stdout)
    done = call(running, "ps")
    assert done.returncode == 0
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith("web"))
    assert row[1:3] == ["running", "yes"]
    assert psutil.pid_exists(int(row[3]))
    assert row[-1] == f"http://127.0.0.1:{running.services[0]['port']}"
    assert "first" not in done.stdout


def test_ps_says_why_a_service_that_runs_is_not_ready(running: StubStack) -> None:
    shown = call(running, "ps").stdout.splitlines()
    assert next(line.split()[2] for line in shown if line.startswith("api ")) == "no"
    assert shown[-1] == "api is not ready: no model is loaded"


def test_logs_shows_the_last_lines_of_one_service(running: StubStack) -> None:
    assert call(running, "logs", "second", "--lines", "2").stdout == 'second | it\'s 100% "odd"\n' * 2


def test_logs_follows_what_is_written(running: StubStack) -> None:
    environment = os.environ | {"MLYARD_STATE": str(running.folder.path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "mlyard_local", "logs", "-f", "-n", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert following.stdout.readline().startswith("second | it's ")
        following.kill()


def test_a_second_up_names_the_first_and_the_way_out(running: StubStack) -> None:
    pid = running.first.pid
    second = running.up()
    assert second.wait(10) == 1
    assert f"is already up (process {pid}); stop it with `hatch run down`" in running.said()
    assert running.first.poll() is None


def test_a_crashed_service_is_started_again(running: StubStack) -> None:
    next(p for p in running.processes() if "stub_service.py" in " ".join(p.cmdline())).kill()
    wait_until(lambda: "had ended and was started again" in running.said())
    wait_until(lambda: _answers(running.services[0]["port"]))


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).is_success
    except httpx.HTTPError:
        return False
