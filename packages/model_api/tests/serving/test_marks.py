import subprocess
import sys
from pathlib import Path

import pytest
from mlyard_model_api.serving.marks import Marks, clear_marks
from mlyard_model_api.serving.version import Reference

REFERENCE = Reference(name="diabetes", version=1, digest="a" * 64)
GIB = 1024**3


def marks(folder: Path, *, release: str = "1", limit: int = GIB) -> Marks:
    return Marks(folder, release=release, limit_bytes=limit)


def die_while_loading(folder: Path, reference: Reference = REFERENCE, *, then: str = "os._exit(1)") -> None:
    """Mark a load in another process, which ends in the middle of it."""
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from mlyard_model_api.serving.marks import Marks\n"
        "from mlyard_model_api.serving.version import Reference\n"
        f"marks = Marks(Path(sys.argv[1]), release='1', limit_bytes={GIB})\n"
        f"with marks.loading(Reference.model_validate_json(sys.argv[2])):\n    {then}\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder), reference.model_dump_json()], check=False, timeout=60)


@pytest.mark.parametrize("then", ["os._exit(1)", "os.kill(os.getpid(), signal.SIGKILL)"], ids=["exit", "kill"])
def test_a_load_whose_process_ended_counts_as_a_death(tmp_path: Path, then: str) -> None:
    for deaths in (1, 2):
        die_while_loading(tmp_path, then=then)
        assert marks(tmp_path).deaths(REFERENCE) == deaths


def test_what_is_not_a_death(tmp_path: Path) -> None:
    with marks(tmp_path).loading(REFERENCE):
        assert marks(tmp_path).deaths(REFERENCE) == 0, "it is under way, be it in another process"
    assert marks(tmp_path).deaths(REFERENCE) == 0, "it is over"
    with pytest.raises(MemoryError), marks(tmp_path).loading(REFERENCE):
        raise MemoryError
    assert marks(tmp_path).deaths(REFERENCE) == 0, "the process lives"
    die_while_loading(tmp_path, then="marks.stop(); os._exit(0)")
    assert marks(tmp_path).deaths(REFERENCE) == 0, "it was asked to end"


def test_a_trial_that_died_in_its_place_counts(tmp_path: Path) -> None:
    with marks(tmp_path).loading(REFERENCE) as loading:
        loading.leave()
    assert marks(tmp_path).deaths(REFERENCE) == 1


def test_a_death_counts_for_its_version_release_and_limit_alone(tmp_path: Path) -> None:
    die_while_loading(tmp_path)
    changed = REFERENCE.model_copy(update={"digest": "b" * 64})
    assert marks(tmp_path).deaths(changed) == 0
    assert marks(tmp_path).deaths(REFERENCE.model_copy(update={"version": 11})) == 0
    assert marks(tmp_path, release="2").deaths(REFERENCE) == 0
    assert marks(tmp_path, limit=2 * GIB).deaths(REFERENCE) == 0
    assert marks(tmp_path, limit=GIB + 4096).deaths(REFERENCE) == 1, "a machine's own memory varies a little"


def test_deaths_are_forgotten_when_it_loads_or_as_ordered(tmp_path: Path) -> None:
    die_while_loading(tmp_path)
    marks(tmp_path).survived(REFERENCE)
    assert marks(tmp_path).deaths(REFERENCE) == 0
    die_while_loading(tmp_path)
    clear_marks(tmp_path, "diabetes")
    assert marks(tmp_path).deaths(REFERENCE) == 0


def test_a_mark_that_cannot_be_read_condemns_nobody(tmp_path: Path) -> None:
    die_while_loading(tmp_path)
    [file] = (tmp_path / ".marks" / "diabetes").iterdir()
    file.write_text("{")
    assert marks(tmp_path).deaths(REFERENCE) == 0


def test_a_disk_that_takes_no_mark_takes_no_model_away(tmp_path: Path) -> None:
    (tmp_path / ".marks").write_text("not a folder")
    with marks(tmp_path).loading(REFERENCE):
        pass
