"""`up` from its first service to its end, whatever that end is; the supervisor is the real one."""

import os
import signal
import socket
import subprocess
import time

import psutil
import pytest

from .conftest import StubStack, call, read_terminal, wait_until

STOP_LIMIT = 15


def test_sigterm_stops_everything_within_15_seconds(stack: StubStack) -> None:
    stack.web(child=True)
    process = stack.up_complete()
    process.terminate()
    assert process.wait(STOP_LIMIT) == 0
    assert stack.processes() == []
    assert "stopped" in stack.said()


def test_a_service_that_ignores_sigterm_is_killed_within_15_seconds(stack: StubStack) -> None:
    stack.python("deaf", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)")
    process = stack.up_complete()
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_LIMIT) == 0
    assert "still stopping" in stack.said()
    assert stack.processes() == []


def test_ctrl_c_in_a_terminal_stops_everything_and_says_so(stack: StubStack) -> None:
    stack.web()
    process, terminal = stack.up_in_terminal()
    shown = ""

    def complete() -> bool:
        nonlocal shown
        shown += read_terminal(terminal)
        return "complete" in shown

    wait_until(complete)
    os.write(terminal, b"\x03")
    assert process.wait(STOP_LIMIT) == 0
    assert "stopped" in read_terminal(terminal)
    assert stack.processes() == []


def test_closing_the_terminal_stops_everything(stack: StubStack) -> None:
    stack.web(child=True)
    process, terminal = stack.up_in_terminal()
    wait_until(lambda: "complete" in read_terminal(terminal))
    stack.close(terminal)
    process.wait(STOP_LIMIT)
    wait_until(lambda: not stack.processes(), seconds=STOP_LIMIT)


def test_killing_up_stops_everything(stack: StubStack) -> None:
    stack.web(child=True)
    stack.up_complete().kill()
    wait_until(lambda: not stack.processes(), seconds=STOP_LIMIT)


def test_killing_the_supervisor_stops_everything_and_up_says_so(stack: StubStack) -> None:
    stack.web(child=True)
    process = stack.up_complete()
    stack.supervisor().kill()
    assert process.wait(STOP_LIMIT) == 1
    assert "the supervisor was killed, so every service was stopped" in stack.said()
    assert stack.processes() == []


def test_killing_the_keeper_stops_everything_and_up_says_so(stack: StubStack) -> None:
    stack.web(child=True)
    process = stack.up_complete()
    stack.keeper().kill()
    assert process.wait(STOP_LIMIT) == 1
    assert "the keeper of the stack was killed" in stack.said()
    assert stack.processes() == []


def test_the_next_up_recovers_after_everything_above_the_services_was_killed(stack: StubStack) -> None:
    stack.web(child=True)
    process = stack.up_complete()
    before = set(stack.processes())
    above = [stack.supervisor(), stack.keeper()]
    os.kill(process.pid, signal.SIGSTOP)
    for each in reversed(above):
        each.kill()
    process.kill()
    process.wait()
    assert before & set(stack.processes())
    (stack.folder.path / "airflow" / "airflow-scheduler.pid").write_text("1")
    stack.up_complete()
    assert "recovered" in stack.said()
    assert not before & set(stack.processes())
    assert not list((stack.folder.path / "airflow").glob("*.pid"))


def test_an_up_right_after_a_killed_one_waits_for_its_end(stack: StubStack) -> None:
    stack.python(
        "slow", "import signal, time; signal.signal(signal.SIGTERM, lambda *_: time.sleep(2)); time.sleep(600)"
    )
    stack.up_complete().kill()
    stack.up_complete()


def test_a_taken_port_is_named_with_its_holder_and_its_variable(stack: StubStack) -> None:
    port = stack.web()
    with socket.create_server(("127.0.0.1", port)):
        process = stack.up()
        assert process.wait(10) == 1
    assert f"web cannot listen on port {port} of 127.0.0.1 (held by {psutil.Process().name()}" in stack.said()
    assert "set MLYARD_STUB_PORT to a free port" in stack.said()
    assert stack.processes() == []


def test_a_service_that_ends_while_it_starts_ends_up_with_its_last_words(stack: StubStack) -> None:
    stack.web()
    stack.python("broken", "print('hello'); raise ValueError('the database is locked')")
    process = stack.up()
    assert process.wait(20) == 1
    assert "Error: broken does not start: ValueError: the database is locked (log: " in stack.said()
    assert "Traceback" not in stack.said()
    assert stack.processes() == []


def test_a_failing_one_shot_ends_up(stack: StubStack) -> None:
    stack.python("init", "import sys; sys.exit('no such table')", one_shot=True)
    process = stack.up()
    assert process.wait(20) == 1
    assert "Error: init does not start: no such table" in stack.said()


def test_a_state_folder_below_a_file_is_one_sentence(stack: StubStack) -> None:
    stack.folder.path.write_text("a file")
    process = stack.up()
    assert process.wait(10) == 1
    assert stack.said().startswith("Error: ")
    assert stack.said().endswith("name a folder you can write to in MLYARD_STATE\n")
    assert stack.said().count("\n") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_what_ends_on_a_full_disk_is_told_with_the_way_out_that_fits(stack: StubStack) -> None:
    stack.folder.path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(stack.folder.path)], check=True)
    try:
        filler = stack.folder.path / "filler"
        stack.python("greedy", f"open({str(filler)!r}, 'wb', buffering=0).write(bytes(2**22)); raise SystemExit(1)")
        assert stack.up().wait(30) == 1
        assert "its disk is full; free space there" in stack.said()
        assert stack.said().count("Error: ") == 1
        assert "Traceback" not in stack.said()
        assert stack.processes() == []
        assert call(stack, "up").stderr.startswith(f"Error: nothing can be written into {stack.folder.path}")
        filler.unlink()
        stack.services.clear()
        stack.web()
        stack.up_complete().terminate()
        assert stack.first.wait(STOP_LIMIT) == 1
        wait_until(lambda: not stack.processes())
    finally:
        subprocess.run(["umount", "--lazy", str(stack.folder.path)], check=True)
