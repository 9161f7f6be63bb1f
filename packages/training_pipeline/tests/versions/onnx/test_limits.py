import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlyard_training_pipeline.versions.onnx import limits
from mlyard_training_pipeline.versions.onnx.limits import Limits

PLENTY = 2 * 1024**3


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that applies its limits and then does what its first argument says."""
    (tmp_path / "conversion_of_a_test.py").write_text(
        "import sys\n"
        "from mlyard_training_pipeline.versions.onnx import limits\n"
        "code, cpu, memory = sys.argv[1:]\n"
        "limits.apply(int(cpu), int(memory))\n"
        "exec(code)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "conversion_of_a_test"


def test_a_conversion_that_ends_has_no_fault(module: str) -> None:
    assert limits.run(module, ["pass"], Limits()) is None


def test_a_conversion_that_burns_processor_time_is_ended(module: str) -> None:
    reason = limits.run(module, ["while True: pass"], Limits(cpu=1, memory=PLENTY, wall=600.0))
    assert reason == "the conversion takes more than 1 s of CPU time"


def test_a_conversion_that_waits_or_is_kept_waiting_has_more_time_than_that(module: str) -> None:
    assert limits.run(module, ["import time; time.sleep(3)"], Limits(cpu=1, memory=PLENTY, wall=600.0)) is None


@pytest.mark.long  # its clock differs from the CPU's as that of one that waits does
def test_a_busy_machine_takes_no_processor_time_from_a_conversion(module: str) -> None:
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        code = "import time\nwhile time.process_time() < 1.0: pass"
        assert limits.run(module, [code], Limits(cpu=2, memory=PLENTY, wall=600.0)) is None
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def test_a_conversion_that_never_ends_is_given_up_by_the_clock(module: str) -> None:
    started = time.monotonic()
    reason = limits.run(module, ["import time; time.sleep(600)"], Limits(cpu=60, memory=PLENTY, wall=2.0))
    assert reason == "the conversion has not ended after 2 s"
    assert time.monotonic() - started < 300


def test_a_conversion_that_takes_memory_is_ended(module: str) -> None:
    reason = limits.run(module, ["x = bytearray(1024**3)"], Limits(memory=256 * 1024**2))
    assert reason == "the conversion takes more than 256 MiB of memory"


def test_a_crash_is_told_by_its_signal(module: str) -> None:
    reason = limits.run(module, ["import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"], Limits())
    assert reason == "the conversion was ended by signal 11"


def test_a_failure_is_told_by_its_last_line(module: str) -> None:
    reason = limits.run(module, ["raise SystemExit('first\\nValueError: too odd')"], Limits())
    assert reason == "it cannot be converted: ValueError: too odd"
