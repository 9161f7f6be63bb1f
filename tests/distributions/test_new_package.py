"""`hatch run new-package NAME`, in a copy of the repository: its tests pass, and so do the checks with it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAME = "drift_monitor"


def run(*command: str, folder: Path, **options: str) -> str:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | options)
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's files, and a new package among them."""
    folder = tmp_path_factory.mktemp("repository")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    run(sys.executable, "packages/new_package.py", NAME, folder=folder)
    return folder


def test_its_tests_pass_in_an_environment_of_its_pins(copy: Path, tmp_path: Path) -> None:
    package = copy / "packages" / NAME
    python = str(tmp_path / "bin" / "python")
    run("uv", "venv", "--quiet", "--python", sys.executable, str(tmp_path), folder=copy)
    pins = [word for name in ("", "-test") for word in ("--constraint", str(package / f"requirements{name}.txt"))]
    wanted = [word for folder in (copy / "packages/shared", package) for word in ("--editable", str(folder))]
    install = ["uv", "pip", "install", "--quiet", "--python", python, *pins, *wanted, "pytest"]
    run(
        *install,
        folder=copy,
        UV_CONSTRAINT="",
        UV_BUILD_CONSTRAINT=str(copy / "packages/shared/requirements-build.txt"),
    )
    run(python, "-m", "pytest", "-q", str(package / "tests"), folder=copy)


@pytest.mark.parametrize(
    "command",
    [("ruff", "format", "--check", "."), ("ruff", "check", "."), ("hadolint", f"packages/{NAME}/Dockerfile")],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_check_passes_with_it(copy: Path, command: tuple[str, ...]) -> None:
    options = ("--config", ".hadolint.yaml") if command[0] == "hadolint" else ()
    run(command[0], *options, *command[1:], folder=copy)


def test_the_layers_hold_with_it(copy: Path) -> None:
    sources = [str(folder / "src") for folder in (copy / "packages").iterdir() if (folder / "src").is_dir()]
    path = os.pathsep.join([*sources, str(copy / "compose/local")])
    shown = run("lint-imports", "--no-cache", "--config", "pyproject.toml", folder=copy, PYTHONPATH=path)
    assert f"Layers of {NAME} KEPT" in shown


@pytest.mark.parametrize("name", ["shared", "Drift", "drift-monitor", "", "../x"])
def test_a_name_that_cannot_be_used_changes_nothing(copy: Path, name: str) -> None:
    before = (copy / "pyproject.toml").read_text()
    ended = subprocess.run(
        [sys.executable, "packages/new_package.py", name], cwd=copy, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert len(ended.stderr.splitlines()) == 1
    assert (copy / "pyproject.toml").read_text() == before
