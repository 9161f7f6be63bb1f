import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_specs
from mlyard_shared.spec.files import read_if_spec

from .conftest import SPEC, named, write


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into."""
    with TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def names(folder: Path) -> dict[str, str]:
    specs, errors = read_specs(folder)
    assert errors == ()
    return {str(file.relative_to(folder)): spec.name for file, spec in specs.items()}


def problems(folder: Path) -> dict[str, str]:
    _, errors = read_specs(folder)
    return {os.path.relpath(error.file, folder): "; ".join(error.problems) for error in errors}


def test_a_folder_gives_its_specs_and_the_errors_of_the_others(tmp_path: Path) -> None:
    good = write(tmp_path, SPEC)
    nested = write(tmp_path, named("prices"), "prices/model.toml")
    write(tmp_path, named("deep"), "too/deep/model.toml")
    write(tmp_path, "nonsense", "wrong.toml")
    specs, errors = read_specs(tmp_path)
    assert {file: spec.name for file, spec in specs.items()} == {good: "churn", nested: "prices"}
    assert [Path(error.file).name for error in errors] == ["wrong.toml"]


def test_two_specs_of_one_name_are_both_refused_and_name_each_other(tmp_path: Path) -> None:
    first, second = write(tmp_path, SPEC, "a.toml"), write(tmp_path, SPEC, "z/b.toml")
    write(tmp_path, named("prices"), "prices.toml")
    specs, errors = read_specs(tmp_path)
    assert [spec.name for spec in specs.values()] == ["prices"]
    assert [str(error) for error in errors] == [
        f"{first}: name: churn is also the name of {second}; choose another in one of them",
        f"{second}: name: churn is also the name of {first}; choose another in one of them",
    ]


def test_very_many_specs_of_one_name_do_not_make_a_long_sentence(tmp_path: Path) -> None:
    for number in range(300):
        write(tmp_path, SPEC, f"{number:03}.toml")
    specs, errors = read_specs(tmp_path)
    assert specs == {}
    assert len(errors) == 300
    assert "003.toml and 296 more" in str(errors[0])


def test_a_wrong_spec_takes_its_name_from_nobody(tmp_path: Path) -> None:
    write(tmp_path, SPEC, "a.toml")
    write(tmp_path, "folds = 1\n" + SPEC, "b.toml")
    specs, errors = read_specs(tmp_path)
    assert [spec.name for spec in specs.values()] == ["churn"]
    assert [Path(error.file).name for error in errors] == ["b.toml"]


def test_files_of_other_tools_and_hidden_files_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, SPEC)
    write(tmp_path, '[project]\nname = "x"\n', "pyproject.toml")
    write(tmp_path, "line-length = 120\n", "work/ruff.toml")
    for name in (".churn.toml", "._churn.toml", ".hidden/churn.toml", "work/._churn.toml", "work/.churn.toml"):
        write(tmp_path, "nonsense", name)
    assert names(tmp_path) == {"churn.toml": "churn"}


def test_links_to_one_file_are_one_spec(tmp_path: Path) -> None:
    write(tmp_path, SPEC)
    write(tmp_path, named("prices"), "sub/prices.toml")
    (tmp_path / "a.toml").symlink_to("churn.toml")
    (tmp_path / "again").symlink_to(".")
    (tmp_path / "alias").symlink_to("sub")
    assert names(tmp_path) == {"churn.toml": "churn", "sub/prices.toml": "prices"}


def test_files_of_a_mounted_configuration_are_read(tmp_path: Path) -> None:
    """As Kubernetes mounts a ConfigMap: through links into hidden folders."""
    write(tmp_path, SPEC, "..2026_11_25/churn.toml")
    (tmp_path / "..data").symlink_to("..2026_11_25")
    (tmp_path / "churn.toml").symlink_to("..data/churn.toml")
    assert names(tmp_path) == {"churn.toml": "churn"}


def test_what_cannot_be_read_is_an_error_and_no_obstacle(open_folder: Path) -> None:
    write(open_folder, SPEC).chmod(0o644)
    (open_folder / "folder.toml").mkdir()
    os.mkfifo(open_folder / "pipe.toml")
    (open_folder / "loop.toml").symlink_to("loop.toml")
    (open_folder / "gone.toml").symlink_to("nowhere.toml")
    write(open_folder, SPEC, "secret.toml").chmod(0)
    write(open_folder, SPEC, "closed/churn.toml")
    (open_folder / "closed").chmod(0)
    user = os.geteuid()
    if user == 0:  # who may read everything
        os.seteuid(65534)
    try:
        specs, errors = read_specs(open_folder)
    finally:
        os.seteuid(user)
    assert [spec.name for spec in specs.values()] == ["churn"]
    causes = {os.path.relpath(error.file, open_folder): "; ".join(error.problems) for error in errors}
    assert causes == {
        "closed": "cannot be read (Permission denied)",
        "folder.toml": "cannot be read (Is a directory)",
        "gone.toml": "cannot be read (No such file or directory)",
        "loop.toml": "cannot be read (Too many levels of symbolic links)",
        "pipe.toml": "is not a regular file",
        "secret.toml": "cannot be read (Permission denied)",
    }


def test_a_name_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.toml")).write_text(SPEC)
    assert problems(tmp_path) == {r"caf\xe9.toml": "has a name that is not UTF-8: rename it"}


def test_whatever_one_spec_brings_about_the_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: Path) -> object:
        if file.name == "bad.toml":
            raise RuntimeError("a fault of ours")
        return read_if_spec(file)

    monkeypatch.setattr("mlyard_shared.spec.folder.read_if_spec", fail)
    write(tmp_path, SPEC)
    write(tmp_path, SPEC, "bad.toml")
    specs, errors = read_specs(tmp_path)
    assert [spec.name for spec in specs.values()] == ["churn"]
    assert "cannot be read (RuntimeError: a fault of ours)" in str(errors[0])


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nowhere: cannot be read \(No such file or directory\)"):
        read_specs(tmp_path / "nowhere")
