"""What `up` shows while it works: a line for each fact, and on a terminal what is being waited for."""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text


class Progress:
    """Lines on standard output; a context manager, since a terminal's spinner must be taken away again."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._started = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.pause()

    def say(self, subject: str, fact: str, *, address: str = "") -> None:
        """Print one line about a part of the stack."""
        line = Text.assemble((f"{subject:<32}", "bold"), f"{fact:<22}", (address, "cyan"))
        line.rstrip()
        self.console.print(line, soft_wrap=True, highlight=False)

    def up(self, name: str, address: str | None) -> None:
        """Print that a service is up, and how long after `up` was called."""
        self.say(name, f"up after {time.monotonic() - self._started:.1f} s", address=address or "")

    def wait_for(self, what: str, names: Iterable[str]) -> None:
        """Show on a terminal what is being waited for."""
        if not self.console.is_terminal:
            return
        text = f"{what}: {', '.join(names)}"
        if self._status is None:
            self._status = self.console.status(text)
            self._status.start()
        self._status.update(text)

    def pause(self) -> None:
        """Leave the terminal to somebody else."""
        if self._status is not None:
            self._status.stop()
        self._status = None
