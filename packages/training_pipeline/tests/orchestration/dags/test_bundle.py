import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlyard_shared.errors import SpecError
from mlyard_training_pipeline.settings import Settings

from ..conftest import write_spec

if TYPE_CHECKING:
    from mlyard_training_pipeline.orchestration.dags.bundle import SpecBundle

Bundle = Callable[[], "SpecBundle"]


@pytest.fixture
def bundle(airflow_here: Settings, tmp_path: Path) -> Bundle:
    from mlyard_training_pipeline.orchestration.dags.bundle import SpecBundle

    def open_bundle() -> SpecBundle:
        made = SpecBundle(name="specs", models=str(tmp_path / "models"), path=str(tmp_path / "dags"))
        made.initialize()
        return made

    return open_bundle


def test_each_spec_has_a_file_of_its_own(bundle: Bundle, tmp_path: Path) -> None:
    write_spec(tmp_path / "models", "houses")
    write_spec(tmp_path / "models", "flats")
    files = sorted(str(file.relative_to(tmp_path / "dags")) for file in bundle().path.rglob("*.py"))
    assert files == ["flats/flats.toml.py", "houses/houses.toml.py"]


def test_a_removed_spec_takes_its_file_with_it(bundle: Bundle, tmp_path: Path) -> None:
    spec = write_spec(tmp_path / "models", "houses")
    opened = bundle()
    spec.unlink()
    opened.refresh()
    assert list(opened.path.rglob("*.py")) == []


def test_a_file_is_written_only_when_its_spec_changes(bundle: Bundle, tmp_path: Path) -> None:
    write_spec(tmp_path / "models", "houses")
    opened = bundle()
    file = tmp_path / "dags/houses/houses.toml.py"
    first = file.stat().st_mtime_ns
    opened.refresh()
    assert file.stat().st_mtime_ns == first
    time.sleep(0.01)
    write_spec(tmp_path / "models", "houses", extra="# changed")
    opened.refresh()
    assert file.stat().st_mtime_ns > first


def test_a_wrong_spec_says_what_is_wrong_and_hides_no_other(bundle: Bundle, tmp_path: Path) -> None:
    write_spec(tmp_path / "models", "houses")
    write_spec(tmp_path / "models", "flats", extra="metrik = 1")
    path = bundle().path
    with pytest.raises(SpecError, match="metrik: unknown key"):
        exec((path / "flats/flats.toml.py").read_text(), {})
    namespace: dict[str, object] = {}
    exec((path / "houses/houses.toml.py").read_text(), namespace)
    assert "dag" in namespace
