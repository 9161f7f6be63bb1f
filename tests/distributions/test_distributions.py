"""What a release would upload: each package's wheel and sdist, built, looked into, installed and run."""

import email
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = {
    file.parent.name: tomllib.loads(file.read_text())["project"] for file in ROOT.glob("packages/*/pyproject.toml")
}
PACKAGES = {package: next(iter(project.get("scripts", {})), None) for package, project in sorted(PROJECTS.items())}
"""Each package's folder, and its command."""
BESIDE_SOURCES = {"CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", ".gitignore"}
"""Hatchling adds the .gitignore by itself."""


def run(*command: str, **options: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | options)
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def build(package: str, folder: Path) -> None:
    """Build the sdist, and the wheel from what the sdist holds."""
    run("uv", "build", "--quiet", "--no-create-gitignore", "--out-dir", str(folder), str(ROOT / "packages" / package))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels and the sdists of all packages."""
    folder = tmp_path_factory.mktemp("distributions")
    for package in PACKAGES:
        build(package, folder)
    return folder


def names(package: str, folder: Path) -> tuple[Path, Path]:
    [wheel] = folder.glob(f"mlyard_{package}-*.whl")
    [sdist] = folder.glob(f"mlyard_{package}-*.tar.gz")
    return wheel, sdist


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_but_the_package_is_inside(package: str, built: Path) -> None:
    wheel, sdist = names(package, built)
    sources = {
        str(file.relative_to(ROOT / "packages" / package / "src"))
        for file in (ROOT / "packages" / package / "src").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert f"mlyard_{package}/py.typed" in sources
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    assert inside == sources
    with tarfile.open(sdist) as archive_of_sources:
        members = {member.name.partition("/")[2] for member in archive_of_sources.getmembers() if member.isfile()}
    assert members == {f"src/{name}" for name in sources} | BESIDE_SOURCES


@pytest.mark.parametrize("package", PACKAGES)
def test_the_metadata_are_complete(package: str, built: Path) -> None:
    wheel, _ = names(package, built)
    with zipfile.ZipFile(wheel) as archive:
        [file] = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(file))
    for field in ("Summary", "Author", "Keywords", "License-Expression", "Requires-Python", "Description-Content-Type"):
        assert metadata[field], field
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    labels = {url.partition(",")[0] for url in metadata.get_all("Project-URL", [])}
    assert labels == {"Source", "Changelog", "Issues"}


def test_an_index_would_take_them(built: Path) -> None:
    files = [str(file) for file in sorted(built.iterdir())]
    assert len(files) == 2 * len(PACKAGES)
    run(sys.executable, "-m", "twine", "check", "--strict", *files)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_second_build_is_the_same_to_the_byte(package: str, built: Path, tmp_path: Path) -> None:
    build(package, tmp_path)
    for again, first in zip(names(package, tmp_path), names(package, built), strict=True):
        assert again.read_bytes() == first.read_bytes(), first.name


@pytest.mark.parametrize("package", [package for package, command in PACKAGES.items() if command])
def test_a_service_runs_from_its_wheel_alone(package: str, built: Path, tmp_path: Path) -> None:
    """In a new environment with its sibling's wheel: no checkout, no editable install."""
    wheel, _ = names(package, built)
    shared, _ = names("shared", built)
    command = PACKAGES[package]
    python = tmp_path / "bin" / "python"
    run("uv", "venv", "--quiet", "--python", sys.executable, str(tmp_path))
    pins = ["--constraint", str(ROOT / "packages" / package / "requirements.txt")]
    extras = ",".join(PROJECTS[package].get("optional-dependencies", {}))
    wanted = f"{wheel}[{extras}]" if extras else str(wheel)
    run("uv", "pip", "install", "--quiet", "--python", str(python), *pins, wanted, str(shared), UV_CONSTRAINT="")
    shown = run(str(tmp_path / "bin" / str(command)), "--help")
    assert str(command) in shown
    where = run(
        str(python), "-I", "-c", f"import mlyard_{package} as p, mlyard_shared as s; print(p.__file__, s.__file__)"
    )
    assert all(Path(path).is_relative_to(tmp_path) for path in where.split())
