"""Writing into the folder of state: what goes wrong is told with the cause, and the way out that fits it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlyard_shared.errors import SettingsError
from mlyard_shared.storage import full_disk, storage_fault

from mlyard_training_pipeline.settings import PREFIX

LEAST = 1 << 20
"""Bytes without which no task is begun: its log alone takes some."""


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make a folder of the state, and say what to do where it cannot be written to.

    Raises:
        SettingsError: the folder, the cause and the way out. What is wrong with another place is told of that.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise SettingsError(problem(error, folder)) from error


def problem(error: OSError, folder: Path) -> str:
    """The sentence on an error that came while a folder of the state was written to.

    Raises:
        OSError: it is not an error of the file system.
    """
    fault = storage_fault(error, folder)
    if fault is None:
        raise error
    if Path(fault.place).is_relative_to(folder):
        return fault._replace(place=str(folder)).sentence(doing="write into", setting=f"{PREFIX}STATE")
    return fault.sentence()


def lack(folder: Path) -> str:
    """The sentence on a folder of the state whose disk has no room for a task, or nothing."""
    fault = full_disk(folder, least=LEAST)
    return fault.sentence(setting=f"{PREFIX}STATE") if fault else ""
