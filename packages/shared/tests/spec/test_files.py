import os
from pathlib import Path

import pytest
from mlyard_shared.errors import SpecError
from mlyard_shared.spec import read_spec

from .conftest import SPEC, write


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert read_spec(write(tmp_path, "\ufeff" + SPEC)).name == "churn"


def test_a_file_that_is_not_there_and_one_that_is_not_text_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"cannot be read \(No such file or directory\)"):
        read_spec(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="is not UTF-8 text"):
        read_spec(tmp_path / "binary.toml")


def test_a_folder_a_pipe_a_device_and_a_loop_are_said_so(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "device.toml").symlink_to("/dev/zero")
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    for name, cause in {
        "folder": "Is a directory",
        "pipe": "is not a regular file",
        "device": "is not a regular file",
        "loop": "Too many levels of symbolic links",
    }.items():
        with pytest.raises(SpecError, match=cause):
            read_spec(tmp_path / f"{name}.toml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("name = churn", "is not TOML: ", id="not TOML"),
        pytest.param("a = " + "[" * 5000, "is nested too deeply", id="brackets"),
        pytest.param("a = " + "9" * 5000, "a number in it has thousands of digits", id="digits"),
    ],
)
def test_what_is_not_toml_is_one_sentence(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SpecError, match=problem) as caught:
        read_spec(write(tmp_path, text))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param('[project]\nname = "x"\nversion = "1"\n[tool.ruff]\nline-length = 120\n', id="pyproject.toml"),
        pytest.param('target-version = "py311"\n[lint]\nselect = ["E"]\n', id="ruff.toml"),
        pytest.param('name = "Example"\nuuid = "7876af07"\nversion = "0.1.0"\n[deps]\n', id="Julia's Project.toml"),
        pytest.param('[package]\nname = "x"\n[target."cfg(unix)".dependencies]\nlibc = "1"\n', id="Cargo.toml"),
        pytest.param('version = 1\n[[annotations]]\npath = "*"\n', id="REUSE.toml"),
    ],
)
def test_another_tools_file_is_said_to_be_something_else(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpecError, match="is not a model spec, which has the keys version, name, task, target, metric"):
        read_spec(write(tmp_path, text))


def test_a_spec_that_has_just_been_begun_is_told_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="metric: is missing"):
        read_spec(write(tmp_path, 'version = 1\nname = "churn"\ntask = "classification"\n'))
