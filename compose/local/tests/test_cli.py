"""`down`, and what the commands say when something is missing or wrong."""

import psutil
import pytest

from .conftest import StubStack, call


def test_down_stops_the_stack_and_up_ends_in_peace(stack: StubStack) -> None:
    stack.web(child=True)
    process = stack.up_complete()
    done = call(stack, "down")
    assert (done.returncode, done.stderr) == (0, "")
    assert "was stopped after" in done.stdout
    assert process.wait(5) == 0
    assert "Error" not in stack.said()
    assert stack.processes() == []


def test_down_stops_what_a_killed_stack_has_left(stack: StubStack) -> None:
    stack.web()
    process = stack.up_complete()
    supervisor, keeper = stack.supervisor(), stack.keeper()
    psutil.Process(process.pid).suspend()
    keeper.kill()
    process.kill()
    process.wait()
    assert supervisor.is_running()
    assert "was stopped" in call(stack, "down").stdout
    assert stack.processes() == []


def test_down_says_when_there_is_nothing_to_stop(stack: StubStack) -> None:
    done = call(stack, "down")
    assert done.returncode == 0
    assert done.stdout.startswith("nothing to stop: ")


def test_ps_of_a_stack_that_is_not_up_is_one_sentence(stack: StubStack) -> None:
    done = call(stack, "ps")
    assert done.returncode == 1
    assert done.stderr == f"Error: the stack in {stack.folder.path} is not up; start it with `hatch run up`\n"


def test_logs_of_an_unknown_service_names_the_known_ones(stack: StubStack) -> None:
    stack.folder.prepare()
    stack.folder.log("mlflow").write_text("up\n")
    done = call(stack, "logs", "mflow")
    assert done.returncode == 1
    assert done.stderr == "Error: there is no log of 'mflow'; there are logs of mlflow\n"


def test_a_wrong_port_is_one_sentence(stack: StubStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLYARD_MODEL_API_PORT", "eighty")
    done = call(stack, "up")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: MLYARD_MODEL_API_PORT: Input should be a valid integer")
    assert done.stderr.count("\n") == 1
    assert "eighty" not in done.stderr


def test_a_missing_folder_of_specs_is_one_sentence(stack: StubStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLYARD_MODELS", "no-such-folder")
    done = call(stack, "up")
    assert done.returncode == 1
    assert "Error: MLYARD_MODELS: there is no folder " in done.stderr
