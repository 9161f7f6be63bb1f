"""The folder of models that is not there, is a file, or is empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import wait_until

from .docker import Failed, docker
from .stack import LASTING, Stack


@pytest.fixture
def fresh(images: dict[str, str], tmp_path: Path) -> Iterator[Stack]:
    """A stack that was never started."""
    stack = Stack(tmp_path, project="mlyard-test-models")
    stack.remove()
    try:
        yield stack
    finally:
        stack.remove()


def running(stack: Stack) -> str:
    return docker("ps", "--quiet", "--filter", f"label=com.docker.compose.project={stack.project}")


@pytest.mark.parametrize("file", ["compose.yaml", "training_pipeline.yaml"])
def test_a_misspelt_folder_is_refused_before_anything_runs(fresh: Stack, tmp_path: Path, file: str) -> None:
    fresh.files = (file,)
    missing = tmp_path / "modles"
    fresh.settings["MLYARD_MODELS"] = str(missing)
    with pytest.raises(Failed, match=str(missing)):
        fresh.up()
    assert not missing.exists(), "nobody makes it"
    assert not running(fresh)
    assert set(fresh.containers()) <= {"secrets"}


def test_a_file_is_refused_by_name_before_anything_runs(fresh: Stack) -> None:
    fresh.settings["MLYARD_MODELS"] = str(fresh.models / "penguins/penguins.toml")
    with pytest.raises(Failed, match="secrets"):
        fresh.up()
    assert "MLYARD_MODELS is not a folder: " in fresh.logs("secrets")
    assert not running(fresh)


@pytest.mark.full
def test_an_empty_folder_is_said_by_ensure_while_the_stack_is_up(fresh: Stack, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    fresh.settings["MLYARD_MODELS"] = str(tmp_path / "none")
    fresh.up()  # a stack without models is no failure
    assert fresh.is_healthy(*LASTING)
    wait_until(lambda: fresh.state("ensure")["Status"] == "exited", seconds=120, what="the end of ensure")
    assert fresh.state("ensure")["ExitCode"] == 3
    assert "there is no model spec in" in fresh.logs("ensure")
    fresh.up()
    assert fresh.is_healthy(*LASTING)
