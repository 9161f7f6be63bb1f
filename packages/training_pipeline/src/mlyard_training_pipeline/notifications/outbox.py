"""Events that are kept in a folder until each receiver has taken them, and then as a mark that they were told."""

import fcntl
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from mlyard_training_pipeline.notifications.events import Event
from mlyard_training_pipeline.notifications.receiver import NotSent

Senders = Mapping[str, Callable[[Event], None]]
PAUSES = (1.0, 4.0)
"""Seconds before a receiver is tried again; after that the next training tries."""
LONGEST = timedelta(days=3)
"""For which a receiver may be down: what is older is dropped."""
KEPT = timedelta(days=30)
"""For which it is known that an event was told."""

logger = logging.getLogger(__name__)


class Outbox:
    """Files of one event each, with the receivers that have not taken it yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, event: Event, receivers: Mapping[str, Any]) -> bool:
        """Keep an event for these receivers; False where it is known already, told or not."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{uuid4().hex}"
        draft.write_text(json.dumps({"event": event.model_dump(mode="json"), "left": list(receivers)}))
        try:
            os.link(draft, self._folder / f"{event.id}.json")  # whole, and by one process alone
        except FileExistsError:
            return False
        else:
            return True
        finally:
            draft.unlink()

    def deliver(self, senders: Senders) -> None:
        """Send what is left, oldest first; a receiver that stays down is left alone until the next time."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        down: set[str] = set()
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # or two processes would send the same event
            for file in sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime):
                self._deliver(file, senders, down)

    def _deliver(self, file: Path, senders: Senders, down: set[str]) -> None:
        kept = json.loads(file.read_text())
        event = Event.model_validate(kept["event"])
        age = datetime.now(UTC) - datetime.fromtimestamp(file.stat().st_mtime, UTC)
        for name in list(kept["left"]):
            if name not in senders or age > LONGEST:
                logger.warning("not told by %s, and given up: %s", name, event.text)
            elif name in down:
                continue
            elif not _sent(senders[name], event):
                down.add(name)
                continue
            kept["left"].remove(name)
            _replace(file, kept)
        if not kept["left"] and age > KEPT:
            file.unlink()


def _sent(send: Callable[[Event], None], event: Event) -> bool:
    for pause in (*PAUSES, None):
        try:
            send(event)
        except NotSent as error:
            if pause is None:
                logger.warning("%s: it is tried again later: %s", error, event.text)
                return False
            time.sleep(pause)
        else:
            return True
    raise AssertionError


def _replace(file: Path, kept: dict[str, Any]) -> None:
    """Write a file as a whole; its time stays that of the event's first keeping."""
    seen = file.stat().st_mtime
    draft = file.with_name(f".{uuid4().hex}")
    draft.write_text(json.dumps(kept))
    os.utime(draft, (seen, seen))
    draft.replace(file)
