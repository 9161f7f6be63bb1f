"""The pinned files, on the other processor that Linux servers have."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path.relative_to(ROOT)
    for folder in ("compose", "packages", "tests")
    for path in (ROOT / folder).rglob("requirements*.txt")
)
IMAGES = [path for path in FILES if path.name == "requirements.txt" and path.parts[0] == "packages"]


def resolve(file: Path, python: str) -> None:
    command = ["uv", "pip", "compile", "--quiet", "--python", sys.executable, "--python-version", python]
    command += ["--python-platform", "aarch64-manylinux_2_28", "--only-binary", ":all:", str(file)]
    environment = {name: value for name, value in os.environ.items() if name != "UV_CONSTRAINT"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_there_are_pinned_files() -> None:
    assert len(FILES) > 10
    assert len(IMAGES) >= 4


@pytest.mark.parametrize("file", FILES, ids=str)
def test_aarch64_has_a_wheel_of_every_pin(file: Path) -> None:
    resolve(file, "3.11")


@pytest.mark.parametrize("file", IMAGES, ids=str)
def test_aarch64_has_a_wheel_of_every_pin_of_an_image(file: Path) -> None:
    """Images have Python 3.13."""
    resolve(file, "3.13")
