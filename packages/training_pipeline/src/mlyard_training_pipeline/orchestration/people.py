"""Whom Airflow's simple auth manager lets in beside the one account of the settings: a file in its folder."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

FILE = "people.json"


class Person(NamedTuple):
    """A role of Airflow's in lower case, and the password, which this manager compares as it is."""

    role: str
    password: str


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Keep other commands from changing the file until the block ends, or one's change would undo the other's."""
    with (home / f".{FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read(home: Path) -> dict[str, Person]:
    """Return the people by name; nobody where there is no file."""
    try:
        found = json.loads((home / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {name: Person(*person) for name, person in found.items()}


def write(home: Path, people: Mapping[str, Person]) -> None:
    """Replace the file, which is for this user alone, as a whole."""
    descriptor, name = tempfile.mkstemp(dir=home, prefix=".people-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(people, file)
    Path(name).replace(home / FILE)
