"""Trials in processes of their own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from mlyard_model_api.serving import children, trial
from mlyard_shared.errors import ModelVersionRefused

from ..versions import HOLDS, NUMBERS, heavy, write_regressor, write_slow, write_version

pytestmark = pytest.mark.trials
FOR_EVER = 100_000_000
"""Turns of a loop that take minutes."""


def test_a_trial_tells_how_fast_a_version_is_and_how_much_memory_it_takes(tmp_path: Path, fitted: Any) -> None:
    write_version(tmp_path / "v", fitted, onnx=HOLDS)
    started = time.monotonic()
    found = trial.run(tmp_path / "v", seconds=60)
    assert 0 < found.milliseconds < 50
    assert 1024**2 < found.bytes < 300 * 1024**2
    assert time.monotonic() - started < 10


def test_the_trial_of_a_twin_imports_neither_scikit_learn_nor_mlflow(tmp_path: Path, fitted: Any) -> None:
    write_version(tmp_path / "v", fitted, onnx=HOLDS)
    code = (
        "import sys\nfrom mlyard_model_api.serving import trial\n"
        "trial.work({'folder': sys.argv[1]})\nprint(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "v")], capture_output=True, text=True, check=True, timeout=60
    )
    assert "onnxruntime" in done.stdout.split()
    assert not {"sklearn", "skops", "mlflow", "fastapi", "uvicorn", "scipy"} & set(done.stdout.split())


def test_a_version_that_takes_half_a_minute_for_a_row_is_stopped_and_the_kernel_would_end_it_before_the_api(
    tmp_path: Path,
) -> None:
    write_slow(tmp_path / "v", FOR_EVER)
    scores: list[str] = []

    def look() -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and "1000" not in scores:
            with contextlib.suppress(OSError):
                scores.extend(Path(f"/proc/{one}/oom_score_adj").read_text().strip() for one in _running_trials())
            time.sleep(0.05)

    looking = threading.Thread(target=look)
    looking.start()
    started = time.monotonic()
    with pytest.raises(ModelVersionRefused, match="its trial was not over after 3 s and was stopped"):
        trial.run(tmp_path / "v", seconds=3)
    assert time.monotonic() - started < 6
    looking.join()
    assert _running_trials() == []
    assert "1000" in scores
    assert Path("/proc/self/oom_score_adj").read_text().strip() != "1000"


def test_a_version_that_fails_says_why(tmp_path: Path) -> None:
    write_regressor(tmp_path / "v", 1.0, packages={"scikit-learn": "0.1.2"})
    with pytest.raises(ModelVersionRefused, match=r"trained with scikit-learn 0\.1\.2"):
        trial.run(tmp_path / "v", seconds=60)


def test_a_trial_that_is_ended_from_outside_has_died(tmp_path: Path) -> None:
    write_slow(tmp_path / "v", FOR_EVER)

    def kill() -> None:
        deadline = time.monotonic() + 30
        while not (running := _running_trials()) and time.monotonic() < deadline:
            time.sleep(0.05)
        for process in running:
            os.kill(process, signal.SIGKILL)

    threading.Thread(target=kill).start()
    with pytest.raises(trial.TrialDied, match="SIGKILL; memory is limited to"):
        trial.run(tmp_path / "v", seconds=60)


def test_a_version_that_takes_too_much_memory_has_died(tmp_path: Path) -> None:
    """The limit of a process stands for that of a container; the stack's tests have one."""
    write_version(tmp_path / "v", heavy(100 * 1024**2), name="diabetes", schema=NUMBERS, classes=())
    code = (
        "import json, resource, sys\n"
        "from pathlib import Path\n"
        "from mlyard_model_api.serving import trial\n"
        "resource.setrlimit(resource.RLIMIT_AS, (500_000_000, 500_000_000))\n"
        "try:\n    print(json.dumps(trial.run(Path(sys.argv[1]), seconds=60)))\n"
        "except trial.TrialDied as error:\n    print(json.dumps(str(error)))\n"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "v")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=90,
    )
    assert "MemoryError" in json.loads(done.stdout)


def test_a_trial_ends_with_the_api(tmp_path: Path) -> None:
    write_slow(tmp_path / "v", FOR_EVER)
    code = (
        "import sys\nfrom pathlib import Path\nfrom mlyard_model_api.serving import trial\n"
        "trial.run(Path(sys.argv[1]), seconds=60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "v")])
    try:
        _wait(lambda: bool(_running_trials(parent.pid)))
        [running] = _running_trials(parent.pid)
    finally:
        parent.kill()
        parent.wait()
    _wait(lambda: not Path(f"/proc/{running}").exists())


def test_what_a_process_prints_is_no_result() -> None:
    with pytest.raises(children.ChildEnded, match="No module named mlyard_model_api"):
        children.run("mlyard_model_api.nothing", {}, seconds=30)


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _running_trials(parent: int | None = None) -> list[int]:
    """The trials that this process has started, or another one; the tests run in several."""
    found = []
    for task in Path(f"/proc/{parent or 'self'}/task").iterdir():
        for child in (task / "children").read_text().split():
            with contextlib.suppress(OSError):
                command = Path("/proc", child, "cmdline").read_bytes().split(b"\0")
                if b"mlyard_model_api.serving.trial" in command:
                    found.append(int(child))
    return found
