"""What following runs shows: a line for each fact, and on a terminal a bar for each run, and what it does now."""

from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mlyard_training_pipeline.orchestration.client.airflow import WAITING, Task

STYLES = {"success": "green", "failed": "red", "upstream_failed": "red", "up_for_retry": "yellow"}
ENDED = {"success", "failed", "up_for_retry", "skipped", "removed"}
QUIET = {WAITING, "scheduled", "queued", "upstream_failed", "restarting"}
"""States that leave no line of their own; a terminal shows them while they last."""


class Progress:
    """Lines on a console; a context manager, since a terminal's live part must be taken away again."""

    def __init__(self, console: Console, errors: Console) -> None:
        """Take the consoles of facts and of errors."""
        self._console = console
        self._errors = errors
        self._shown: dict[tuple[str, str, int, int], str] = {}
        self._going: dict[str, tuple[Task, ...]] = {}
        self._waiting: str | None = None
        self._live = Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._now)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def line(self, model: str, fact: str) -> None:
        """Print a fact about a model."""
        self._print(Text.assemble((f"{model:<24}" if model else "", "bold"), fact))

    def problem(self, sentence: str) -> None:
        """Print why a model gets no champion."""
        self._errors.print(Text(sentence, "red"), soft_wrap=True, highlight=False)

    def waiting(self, cause: str | None) -> None:
        """Tell once what is being waited for; None when the wait is over."""
        if cause and cause != self._waiting:
            self.line("", f"waiting: {cause}")
        self._waiting = cause

    def tasks(self, model: str, tasks: Iterable[Task]) -> None:
        """Tell what has changed among a model's tasks."""
        self._going[model] = tuple(tasks)
        for task in self._going[model]:
            key = (model, task.id, task.map_index, task.attempt)
            if task.state != self._shown.get(key) and task.state not in QUIET:
                self._tell(model, task)
            self._shown[key] = task.state

    def forget(self, model: str) -> None:
        """Show nothing more of a model whose run is over."""
        self._going.pop(model, None)

    def _tell(self, model: str, task: Task) -> None:
        if task.state in ENDED:
            seconds = f"{task.seconds:6.1f} s" if task.seconds is not None else ""
            self._print(_row(model, task, seconds))
        elif not self._console.is_terminal:
            self._print(_row(model, task, ""))

    def _now(self) -> Group:
        bars = [_bar(model, tasks) for model, tasks in self._going.items()]
        now = [(model, task) for model, tasks in self._going.items() for task in tasks]
        rows = [_row(model, task, _since(task)) for model, task in now if task.state not in {*ENDED, WAITING}]
        return Group(*rows, *bars)

    def _print(self, text: Text) -> None:
        text.rstrip()
        self._console.print(text, soft_wrap=True, highlight=False)


def _bar(model: str, tasks: tuple[Task, ...]) -> Table:
    """How many of a run's tasks are done; those of many candidates count once Airflow knows how many they are."""
    done = sum(task.state in ENDED - {"up_for_retry"} for task in tasks)
    row = Table.grid(padding=(0, 1))
    row.add_row(Text(f"{model:<23}", "bold"), ProgressBar(len(tasks) or 1, done, width=31), f"{done} of {len(tasks)}")
    return row


def _row(model: str, task: Task, seconds: str) -> Text:
    style = STYLES.get(task.state, "cyan")
    state = "again soon" if task.state == "up_for_retry" else task.state
    return Text.assemble((f"{model:<24}", "bold"), f"{task.name:<32}", (f"{state:<12}", style), seconds)


def _since(task: Task) -> str:
    if task.started is None or task.state != "running":
        return ""
    return f"{max(0.0, (datetime.now(UTC) - task.started).total_seconds()):6.1f} s"
