"""The signs of life of a training that one process carries out by itself."""

import contextlib
import fcntl
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlyard_shared.errors import RegistryError

from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.names import ALIVE, PLACE, RUN_KEY
from mlyard_training_pipeline.tracking.state_folder import writing

BEAT = 60.0
"""Seconds between two signs of life in the registry."""

SILENCE = 900.0
"""Seconds without one after which a training of another place has ended: much more than clocks differ."""


@contextlib.contextmanager
def alive(context: Context, model: str, run_key: str) -> Iterator[None]:
    """Be known as under way: by a lock, which the system takes away when the process dies, and by a tag of the run.

    Raises:
        SettingsError: the folder of the state cannot be written.
    """
    file = _lock_file(context.settings.trainings, run_key)
    ended = threading.Event()
    beats = threading.Thread(target=_beat, args=(context, model, run_key, ended), daemon=True)
    with writing(file.parent):
        lock = file.open("wb")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        beats.start()
        try:
            yield
        finally:
            ended.set()
            file.unlink(missing_ok=True)


def is_alive(folder: Path, run: Any) -> bool:
    """Whether the process of a training lives: its lock tells in the same place, its sign of life in any other."""
    file = _place_file(folder)
    if file.is_file() and run.data.tags.get(PLACE) == file.read_text():
        try:
            with _lock_file(folder, run.data.tags[RUN_KEY]).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False
    sign = float(run.data.tags.get(ALIVE, run.info.start_time / 1000))
    return time.time() - sign < SILENCE


def place(folder: Path) -> str:
    """The name that a folder of locks has got for good: trainings of the same place see one another's locks.

    Raises:
        SettingsError: the folder cannot be written.
    """
    with writing(folder), _place_file(folder).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if not (known := file.read()):
            known = str(uuid.uuid4())
            file.write(known)
        return known


def _beat(context: Context, model: str, run_key: str, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        # A registry that is away is the training's own to report; the next sign may get through.
        with contextlib.suppress(RegistryError):
            run = context.tracking.find_training(model, run_key)
            if run is not None and not ended.is_set():
                context.tracking.tag(run.info.run_id, {ALIVE: f"{time.time():.0f}"})


def _place_file(folder: Path) -> Path:
    return folder / "place"


def _lock_file(folder: Path, run_key: str) -> Path:
    return folder / f"{run_key}.lock"
