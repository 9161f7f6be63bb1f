"""Moves of a champion by hand: promote, rollback and their history."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlyard_shared.errors import SettingsError
from rich.console import Console
from rich.table import Table

from mlyard_training_pipeline.interruption import Interrupted, sigterm_as_interrupt
from mlyard_training_pipeline.settings import Settings

if TYPE_CHECKING:
    from mlyard_shared.registry import Registry


def operator() -> str:
    """The name of the operating system's user, which the ledger keeps as the actor."""
    try:
        return getpass.getuser()
    # A container may run as a user that has no name.
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def promote(settings: Settings, model: str, version: int, *, reason: str) -> str:
    """Make a version the champion, and say so."""
    from mlyard_shared.registry import promote as move

    registry = _registry(settings)
    with _interruptible(model):
        made = move(registry, model, version, actor=operator(), reason=_given(reason))
    _tell(settings, registry, model)
    return f"version {made.to_version} of {model} is the champion{_instead_of(made.from_version)}"


def rollback(settings: Settings, model: str, *, reason: str) -> str:
    """Make the previous champion the champion again, and say so."""
    from mlyard_shared.registry import rollback as move

    registry = _registry(settings)
    with _interruptible(model):
        made = move(registry, model, actor=operator(), reason=_given(reason))
    _tell(settings, registry, model)
    return f"version {made.to_version} of {model} is the champion again{_instead_of(made.from_version)}"


def print_history(settings: Settings, model: str, *, console: Console | None = None) -> None:
    """Print the moves: a table on a terminal, else one line each with tabs between the fields."""
    from mlyard_shared.registry import history

    console = console or Console()
    moves = history(_registry(settings), model)
    rows = [
        (
            f"{move.started_at:%Y-%m-%d %H:%M:%S}Z",
            move.kind,
            move.state,
            str(move.from_version or "-"),
            str(move.to_version or "-"),
            move.actor,
            " ".join(move.reason.split()),
        )
        for move in moves
    ]
    if not console.is_terminal:
        # Rich would turn the tabs into spaces.
        console.file.writelines("\t".join(row) + "\n" for row in rows)
        return
    table = Table("time", "move", "state", "from", "to", "actor", "reason", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table if rows else f"the champion of {model} has never moved")


def _tell(settings: Settings, registry: "Registry", model: str) -> None:
    from mlyard_shared.registry import history

    from mlyard_training_pipeline.notifications.events import moved
    from mlyard_training_pipeline.notifications.telling import tell

    tell(settings, lambda: moved(history(registry, model)))


def _registry(settings: Settings) -> "Registry":
    from mlyard_shared.registry import Registry

    return Registry(settings.registry_uri, account=settings.registry_account)


@contextmanager
def _interruptible(model: str) -> Iterator[None]:
    """Say what a move leaves behind that is stopped: it is in the ledger before an alias moves."""
    try:
        with sigterm_as_interrupt():
            yield
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped: `history {model}` says whether its champion moved, and the same command again finishes the move"
        ) from None


def _instead_of(version: int | None) -> str:
    return f", instead of version {version}" if version else ""


def _given(reason: str) -> str:
    if not reason.strip():
        raise SettingsError("--reason is empty: the ledger keeps why a champion moved")
    return reason.strip()
