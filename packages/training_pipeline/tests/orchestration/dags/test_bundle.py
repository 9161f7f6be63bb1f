import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlyard_shared.errors import SpecError
from mlyard_training_pipeline.settings import Settings

from ..conftest import write_spec

if TYPE_CHECKING:
    from mlyard_training_pipeline.orchestration.dags.bundle import SpecBundle

Bundle = Callable[[], "SpecBundle"]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def bundle(airflow_here: Settings, models: Path, tmp_path: Path) -> Bundle:
    from mlyard_training_pipeline.orchestration.dags.bundle import SpecBundle

    def open_bundle() -> SpecBundle:
        made = SpecBundle(name="specs", models=str(models), folders=[str(models)], path=str(tmp_path / "dags"))
        made.initialize()
        made.refresh()
        return made

    return open_bundle


def dags(bundle: "SpecBundle") -> dict[str, str]:
    """What Airflow gets from each DAG file, by the file: the DAG's name, or the error."""
    found = {}
    for file in sorted(file for file in bundle.path.rglob("*.py") if file.is_file()):
        namespace: dict[str, object] = {}
        try:
            exec(file.read_text(encoding="utf-8"), namespace)
            found[str(file.relative_to(bundle.path))] = namespace["dag"].dag_id  # type: ignore[attr-defined]
        except SpecError as error:
            found[str(file.relative_to(bundle.path))] = str(error)
    return found


def test_each_spec_has_a_file_of_its_own(bundle: Bundle, models: Path) -> None:
    write_spec(models, "houses")
    write_spec(models, "flats")
    assert dags(bundle()) == {"flats/flats.toml.py": "flats", "houses/houses.toml.py": "houses"}


def test_a_removed_spec_takes_its_file_with_it(bundle: Bundle, models: Path) -> None:
    spec = write_spec(models, "houses")
    opened = bundle()
    spec.unlink()
    opened.refresh()
    assert dags(opened) == {}


def test_a_file_is_written_only_when_its_spec_changes(bundle: Bundle, models: Path, tmp_path: Path) -> None:
    write_spec(models, "houses")
    opened = bundle()
    file = tmp_path / "dags/houses/houses.toml.py"
    first = file.stat().st_mtime_ns
    opened.refresh()
    assert file.stat().st_mtime_ns == first
    time.sleep(0.01)
    write_spec(models, "houses", extra="# changed")
    opened.refresh()
    assert file.stat().st_mtime_ns > first


def test_the_times_of_a_schedule_count_from_when_the_spec_was_first_seen(
    bundle: Bundle, models: Path, tmp_path: Path
) -> None:
    spec = write_spec(models, "houses", extra='schedule = "@yearly"')
    os.utime(spec, (0, 0))  # as an archive or an image keeps the time of an old file
    before = int(time.time())
    opened = bundle()
    file = tmp_path / "dags/houses/houses.toml.py"
    namespace: dict[str, Any] = {}
    exec(file.read_text(), namespace)
    first = namespace["dag"].start_date
    assert before <= first.timestamp() <= time.time()
    time.sleep(1.1)
    opened.refresh()
    exec(file.read_text(), namespace)
    assert namespace["dag"].start_date == first
    write_spec(models, "houses", extra='schedule = "@monthly"')
    opened.refresh()
    exec(file.read_text(), namespace)
    assert namespace["dag"].start_date > first


def test_a_task_takes_the_files_as_they_are(bundle: Bundle, models: Path, airflow_here: Settings) -> None:
    write_spec(models, "houses")
    opened = bundle()
    write_spec(models, "flats")
    type(opened)(name="specs", models=str(models), folders=[str(models)], path=str(opened.path)).initialize()
    assert dags(opened) == {"houses/houses.toml.py": "houses"}


def test_a_wrong_spec_says_what_is_wrong_and_hides_no_other(bundle: Bundle, models: Path) -> None:
    write_spec(models, "houses")
    write_spec(models, "flats", extra="metrik = 1")
    found = dags(bundle())
    assert "metrik: unknown key" in found["flats/flats.toml.py"]
    assert found["houses/houses.toml.py"] == "houses"


def test_two_specs_of_one_name_both_say_so(bundle: Bundle, models: Path) -> None:
    first = write_spec(models, "houses")
    second = first.with_name("again.toml")
    second.write_text(first.read_text())
    found = dags(bundle())
    assert f"houses is also the name of {second}" in found["houses/houses.toml.py"]
    assert f"houses is also the name of {first}" in found["houses/again.toml.py"]
    second.unlink()
    assert dags(bundle()) == {"houses/houses.toml.py": "houses"}


def test_a_spec_of_hundreds_of_thousands_of_keys_stops_no_other(bundle: Bundle, models: Path) -> None:
    write_spec(models, "houses")
    write_spec(models, "castles", extra="\n".join(f"key_{number} = {number}" for number in range(300_000)))
    write_spec(models, "forts", extra=f"{'a.' * 30_000}a = 1")
    started, held = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    opened = bundle()
    assert time.process_time() - started < 3  # seconds
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 1024 < 50  # MB
    found = dags(opened)
    assert "is larger than 256 KB" in found["castles/castles.toml.py"]
    assert "line 8: a key has more than 20 parts" in found["forts/forts.toml.py"]
    assert found["houses/houses.toml.py"] == "houses"


def test_files_of_other_tools_and_hidden_ones_have_no_dag(bundle: Bundle, models: Path) -> None:
    write_spec(models, "houses")
    (models / "pyproject.toml").write_text('[project]\nname = "x"\n')
    (models / "._houses.toml").write_bytes(b"\0\5\26\7")
    assert dags(bundle()) == {"houses/houses.toml.py": "houses"}


def test_whatever_lies_there_every_good_spec_has_its_dag(bundle: Bundle, models: Path) -> None:
    write_spec(models, "houses")
    (models / "folder.toml").mkdir()
    os.mkfifo(models / "pipe.toml")
    (models / "loop.toml").symlink_to("loop.toml")
    (models / os.fsdecode(b"caf\xe9.toml")).write_text("version = 1")
    (models / 'it\'s "quoted"\\n.toml').write_text("nonsense")
    (models / f"{'n' * 250}.toml").write_text("nonsense")
    write_spec(models, "sheds").parent.rename(models / "sheds.py")
    found = dags(bundle())
    assert found["sheds.py/sheds.toml.py"] == "sheds"
    assert found["houses/houses.toml.py"] == "houses"
    assert "Is a directory" in found["folder.toml.py"]
    assert "is not a regular file" in found["pipe.toml.py"]
    assert "symbolic links" in found["loop.toml.py"]
    assert "not UTF-8" in found[r"caf\xe9.toml.py"]
    assert sum("is not TOML" in text for text in found.values()) == 2


def test_a_table_elsewhere_is_an_import_error_that_names_the_setting(bundle: Bundle, models: Path) -> None:
    spec = write_spec(models, "houses")
    spec.write_text(spec.read_text().replace('"table.csv"', '"/etc/passwd"'))
    assert "MLYARD_TRAINING_PIPELINE_SOURCE_FOLDERS" in dags(bundle())["houses/houses.toml.py"]


def test_while_the_models_cannot_be_read_the_dags_stay(
    bundle: Bundle, models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_spec(models, "houses")
    opened = bundle()
    away = models.rename(models.with_name("away"))
    opened.refresh()
    assert [file.name for file in opened.path.rglob("*.py")] == ["houses.toml.py"]
    assert f"{models}: cannot be read" in caplog.text
    away.rename(models)
    opened.refresh()
    assert dags(opened) == {"houses/houses.toml.py": "houses"}
