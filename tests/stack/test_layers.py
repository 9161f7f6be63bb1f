"""What a changed source file builds anew."""

import json
import shutil
from pathlib import Path

import pytest

from .docker import docker
from .stack import ROOT

pytestmark = pytest.mark.full


def layers(folder: Path) -> list[str]:
    """The layers of the model API's image, built by hand from a folder of packages."""
    context = f"shared={folder / 'shared'}"
    built = docker("build", "--quiet", str(folder / "model_api"), "--build-context", context, seconds=600)
    try:
        found: list[str] = json.loads(docker("inspect", "--format", "{{json .RootFS.Layers}}", built))
        return found
    finally:
        docker("rmi", "--force", built)


def test_a_changed_source_file_changes_the_last_layer_only(engine: None, tmp_path: Path) -> None:
    for package in ("shared", "model_api"):
        shutil.copytree(ROOT / "packages" / package, tmp_path / package)
    before = layers(tmp_path)
    source = tmp_path / "model_api/src/mlyard_model_api/app.py"
    source.write_text(source.read_text() + "\n# changed\n")
    after = layers(tmp_path)
    assert len(before) == len(after)
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]


def test_a_changed_test_or_note_changes_nothing(engine: None, tmp_path: Path) -> None:
    for package in ("shared", "model_api"):
        shutil.copytree(ROOT / "packages" / package, tmp_path / package)
    before = layers(tmp_path)
    (tmp_path / "model_api/tests/test_new.py").write_text("")
    (tmp_path / "model_api/CHANGELOG.md").write_text("changed")
    assert layers(tmp_path) == before
