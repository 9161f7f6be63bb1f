"""The commands `up`, `down`, `ps` and `logs`."""

import sys
import time
from collections.abc import Callable
from itertools import cycle

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlyard_local import logs as logs_of
from mlyard_local import readiness, supervision
from mlyard_local.down import down as stop_stack
from mlyard_local.errors import FULL, LocalError, NotRunning, StateFull, SupervisorSilent
from mlyard_local.progress import Progress
from mlyard_local.settings import Settings, absolute
from mlyard_local.state import StateFolder


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Run MLflow, Airflow and the model API on this machine, without containers."""


@commands.command()
def up() -> int:
    """Start everything, train what has no champion yet, and stay until Ctrl-C."""
    from mlyard_local import foreground
    from mlyard_local.up import LocalStack

    settings = Settings.load()
    folder = StateFolder(absolute(settings.state))
    with Progress(Console()) as progress:
        return foreground.run(folder, LocalStack(settings, folder), progress)


@commands.command()
def down() -> None:
    """Stop the stack from another terminal."""
    click.echo(stop_stack(StateFolder(absolute(Settings.load().state))))


@commands.command()
def ps() -> None:
    """Show each service's state, process, age and address, and whether it is ready."""
    folder = StateFolder(absolute(Settings.load().state))
    try:
        with supervision.connect(folder) as supervisor:
            processes = supervisor.processes()
    except SupervisorSilent as error:
        raise NotRunning(folder.path) from error
    addresses = supervision.addresses(folder)
    alive = {name for name, process in processes.items() if process.alive}
    missing = readiness.ask_all({name: probe for name, probe in supervision.probes(folder).items() if name in alive})
    table = Table(box=None, pad_edge=False)
    for heading in ("SERVICE", "STATE", "READY", "PID", "UP FOR", "ADDRESS"):
        table.add_column(heading, no_wrap=True)
    for name, process in processes.items():
        if process.state == "EXITED" and process.exit_code == 0:
            continue  # a one-shot that has done its work
        age = f"{time.time() - process.started:.0f} s" if process.alive else ""
        ready = "" if name not in missing else "no" if missing[name] else "yes"
        table.add_row(name, process.state.lower(), ready, str(process.pid or ""), age, addresses.get(name, ""))
    Console().print(table, soft_wrap=True)
    for name, reason in missing.items():
        if reason:
            click.echo(f"{name} is not ready: {reason}")


@commands.command()
@click.argument("services", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Stay and show each new line.")
@click.option(
    "-n", "--lines", default=100, show_default=True, type=click.IntRange(min=0), help="Last lines of each log."
)
def logs(services: tuple[str, ...], *, follow: bool, lines: int) -> None:
    """Show the logs of SERVICES, or of all of them."""
    folder = StateFolder(absolute(Settings.load().state))
    found = logs_of.find(folder, services)
    console, width = Console(), max(map(len, found), default=0)
    colours = dict(zip(found, cycle(("cyan", "green", "yellow", "magenta", "blue")), strict=False))

    def show(name: str, line: str) -> None:
        console.print(Text.assemble((f"{name:<{width}} | ", colours[name]), Text.from_ansi(line)), soft_wrap=True)

    for name, path in found.items():
        for line in logs_of.last_lines(path, lines):
            show(name, line)
    if not found:
        raise NotRunning(folder.path)
    if follow:
        for name, line in logs_of.follow(found):
            show(name, line)


def main() -> None:
    """Run a command and exit with its code."""
    sys.exit(guarded(lambda: commands.main(prog_name="hatch run", standalone_mode=False)))


def guarded(command: Callable[[], int | None]) -> int:
    """Return a command's exit code; an error is one sentence on standard error."""
    try:
        return command() or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        return 1
    except LocalError as error:
        click.echo(f"Error: {error}", err=True)
        return 1
    except OSError as error:
        if error.errno not in FULL:
            raise
        click.echo(f"Error: {StateFull(absolute(Settings.load().state))}", err=True)
        return 1
