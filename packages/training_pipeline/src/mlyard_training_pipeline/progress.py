"""What a command says while it runs: a line for each thing that is done, and on a terminal a bar below them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar


class Step:
    """A step under way; `result` is what its line will say."""

    result: str = ""


class Progress:
    """Lines, and a bar over this many steps, or as many as are told on the way."""

    def __init__(self, *, steps: int | None = None, console: Console | None = None) -> None:
        """Begin with nothing done; the bar shows from `with` on, and where the console is a terminal."""
        self.console = console or Console(highlight=False, soft_wrap=True)
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._bar = Bar(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self._task = self._bar.add_task("", total=steps)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show a step while it runs, and leave its line when it is done."""
        step, begun = Step(), time.monotonic()
        self._bar.update(self._task, description=name)
        yield step
        self._bar.advance(self._task)
        self.say(f"{name:<28} {time.monotonic() - begun:5.1f} s  {step.result}".rstrip())

    def chunk(self, done: int, chunks: int) -> None:
        """Move the bar to so many chunks of a table."""
        self._bar.update(self._task, description="chunks", completed=done, total=chunks)

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, markup=False)
