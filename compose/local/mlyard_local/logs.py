"""The logs of the services: their last lines, following them, and what a failed service said last."""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlyard_local.errors import UnknownService
from mlyard_local.state import StateFolder

TELLING = re.compile(r"error|exception|refused|denied|failed|cannot|can't|not found|no such|in use", re.IGNORECASE)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
HIDDEN = ("keeper", "supervisord")
"""Logs that are shown only when they are asked for by name."""


def find(folder: StateFolder, names: Sequence[str]) -> dict[str, Path]:
    """Return the logs of these services, or of all, by name.

    Raises:
        UnknownService: no log has one of the names.
    """
    there = {path.stem: path for path in sorted(folder.logs.glob("*.log"))}
    for name in names:
        if name not in there:
            raise UnknownService(name, tuple(there))
    return {name: there[name] for name in names} or {
        name: path for name, path in there.items() if name not in HIDDEN and not name.startswith("environment-")
    }


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a log, without their line ends."""
    text = _read(path, max(0, _size(path) - 400 * max(count, 10)))
    return _text(text).splitlines()[-count:] if count else []


def last_words(path: Path, *, since: int = 0) -> str:
    """Return the last line that tells why a program ended, of what stands in its log from byte `since` on."""
    start = since if since <= _size(path) else 0
    text = COLOURS.sub("", _text(_read(path, start)[-20_000:]))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines[-15:] if TELLING.search(line)]
    return (telling or lines or ["it wrote nothing"])[-1][:400]


def follow(logs: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield (name, line) for each line that is written from now on; a log that supervisor rotates is read on."""
    places = {name: _size(path) for name, path in logs.items()}
    rest = dict.fromkeys(logs, b"")
    while True:
        for name, path in logs.items():
            if _size(path) < places[name]:
                places[name] = 0
            new = _read(path, places[name])
            places[name] += len(new)
            *lines, rest[name] = (rest[name] + new).split(b"\n")
            yield from ((name, _text(line)) for line in lines)
        time.sleep(0.3)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read(path: Path, start: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read()
    except OSError:
        return b""


def _text(content: bytes) -> str:
    return content.decode(errors="replace")
