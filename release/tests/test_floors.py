"""The check of siblings' floors, on a small repository with two packages and a released version."""

import subprocess
from pathlib import Path

import pytest
from mlyard_release import floors

PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "mlyard-{name}"
version = "{version}"
dependencies = {dependencies}

[tool.hatch.build.targets.wheel]
packages = ["src/mlyard_{name}"]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """`shared` 0.1.0 is released; 0.2.0, in the tree, has one more name, which the service uses."""
    (tmp_path / "pyproject.toml").write_text('[dependency-groups]\ntest = ["pytest"]\n')
    write(tmp_path, "shared", "0.1.0", source="OLD = 1\n")
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    git(tmp_path, "tag", "shared-v0.1.0")
    write(tmp_path, "shared", "0.2.0", source="OLD = 1\nNEW = 2\n")
    return tmp_path


def write(root: Path, name: str, version: str, *, source: str, dependencies: tuple[str, ...] = ()) -> None:
    folder = root / "packages" / name
    (folder / f"src/mlyard_{name}").mkdir(parents=True, exist_ok=True)
    project = PROJECT.format(name=name, version=version, dependencies=list(dependencies))
    (folder / "pyproject.toml").write_text(project)
    (folder / f"src/mlyard_{name}/__init__.py").write_text(source)


def write_service(root: Path, *, requires: str) -> None:
    source = "from mlyard_shared import NEW\n"
    write(root, "service", "1.0.0", source=source, dependencies=(requires,))
    tests = root / "packages/service/tests"
    tests.mkdir(exist_ok=True)
    (tests / "test_service.py").write_text("import mlyard_service\n\ndef test_new():\n    assert mlyard_service.NEW\n")


def commit(root: Path) -> str:
    git(root, "add", "--all")
    git(root, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--message", "a commit")
    return git(root, "rev-parse", "HEAD").strip()


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def test_a_floor_below_what_the_package_uses_is_found(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_service(repository, requires="mlyard-shared>=0.1.0")
    assert floors.main(["service"], root=repository) == 1
    shown = capfd.readouterr()
    assert "service with shared 0.1.0: its tests fail, so the floor is too low" in shown.err
    assert "cannot import name 'NEW'" in shown.out


def test_a_floor_that_is_not_released_yet_is_this_tree(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_service(repository, requires="mlyard-shared>=0.2.0")
    assert floors.main([], root=repository) == 0
    assert "service with shared 0.2.0: it is this tree's" in capfd.readouterr().out


def test_a_floor_that_is_released_and_unchanged_since_is_this_tree(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    commit(repository)
    git(repository, "tag", "shared-v0.2.0")
    write_service(repository, requires="mlyard-shared>=0.2.0")
    assert floors.main([], root=repository) == 0
    assert "service with shared 0.2.0: it is this tree's" in capfd.readouterr().out
    write(repository, "shared", "0.2.0", source="NEW = 3\n")
    assert floors.main([], root=repository) == 0
    assert "service with shared 0.2.0: passed" in capfd.readouterr().out


def test_a_floor_that_holds_passes_from_the_record_of_commits(
    repository: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made_of = commit(repository)
    (repository / "release").mkdir()
    (repository / "release/releases.toml").write_text(f'[shared]\n"0.2.0" = "{made_of}"\n')
    write(repository, "shared", "0.3.0", source="raise ImportError('this is the tree')\n")
    write_service(repository, requires="mlyard-shared>=0.2.0")
    assert floors.main(["service"], root=repository) == 0
    assert "service with shared 0.2.0: passed" in capfd.readouterr().out


def test_a_floor_that_never_was_is_named(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_service(repository, requires="mlyard-shared>=0.1.5")
    assert floors.main([], root=repository) == 1
    assert "no commit of shared 0.1.5" in capfd.readouterr().err
