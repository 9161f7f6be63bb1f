from pathlib import Path

import pytest
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_spec
from mlyard_training_pipeline.orchestration.admission import admit

from .conftest import write_spec


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/table.csv").write_text("size,price\n1,2\n")
    return tmp_path / "secret"


def with_source(models: Path, path: str) -> Path:
    file = write_spec(models, "houses")
    file.write_text(file.read_text().replace('path = "table.csv"', f'path = "{path}"'))
    return file


def check(file: Path, *folders: Path) -> None:
    admit(read_spec(file), file, folders=folders)


@pytest.mark.parametrize("path", ["table.csv", ".", "../houses/table.csv", "missing.csv", "deep/er/missing.csv"])
def test_a_table_in_the_models_folder_is_admitted(models: Path, path: str) -> None:
    check(with_source(models, path), models)


@pytest.mark.parametrize("path", ["../../secret/table.csv", "../../secret", "/etc/passwd", "../../models-of-others"])
def test_a_table_elsewhere_is_refused(models: Path, elsewhere: Path, path: str) -> None:
    with pytest.raises(SpecError, match=r"source.path: .* leads to /.* which is not in .*PIPELINE_SOURCE_FOLDERS"):
        check(with_source(models, path), models)


def test_a_link_to_elsewhere_is_refused(models: Path, elsewhere: Path) -> None:
    file = with_source(models, "link.csv")
    (file.parent / "link.csv").symlink_to(elsewhere / "table.csv")
    with pytest.raises(SpecError, match=r"leads to .*/secret/table.csv"):
        check(file, models)


@pytest.mark.parametrize("place", ["part.csv", "year=2026/part.csv"])
def test_a_link_among_the_files_of_a_folder_is_refused(models: Path, elsewhere: Path, place: str) -> None:
    file = with_source(models, "data")
    (file.parent / "data/year=2026").mkdir(parents=True)
    (file.parent / "data" / place).symlink_to(elsewhere / "table.csv")
    with pytest.raises(SpecError, match=r"leads to .*/secret/table.csv"):
        check(file, models)


def test_a_folder_that_is_a_link_is_refused_and_one_in_it(models: Path, elsewhere: Path) -> None:
    file = with_source(models, "data")
    (file.parent / "data").mkdir()
    (file.parent / "data/all").symlink_to(elsewhere)
    with pytest.raises(SpecError, match=r"leads to .*/secret"):
        check(file, models)


def test_links_that_stay_are_admitted_and_loops_end(models: Path) -> None:
    file = with_source(models, "data")
    (file.parent / "data").mkdir()
    (file.parent / "data/again").symlink_to(".")
    (file.parent / "data/loop.csv").symlink_to("loop.csv")
    (file.parent / "data/part.csv").symlink_to("../table.csv")
    check(file, models)


def test_a_folder_of_the_setting_is_admitted_with_what_it_links_to(
    models: Path, elsewhere: Path, tmp_path: Path
) -> None:
    file = with_source(models, str(elsewhere))
    (tmp_path / "third").mkdir()
    (elsewhere / "more").symlink_to(tmp_path / "third")
    check(file, models, elsewhere, tmp_path / "third")
    with pytest.raises(SpecError, match="third"):
        check(file, models, elsewhere)


def test_a_models_folder_may_be_a_link_itself(models: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(models)
    with_source(models, "table.csv")
    check(tmp_path / "alias/houses/houses.toml", tmp_path / "alias")


def test_a_wrong_schedule_and_a_table_elsewhere_are_named_at_once(models: Path) -> None:
    file = with_source(models, "/etc/passwd")
    file.write_text('schedule = "daily"\n' + file.read_text())
    with pytest.raises(SpecError) as caught:
        check(file, models)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["schedule", "source.path"]
