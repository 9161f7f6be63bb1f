"""The commands `users add`, `remove`, `role` and `list`: people's accounts in Airflow."""

import json
import sys

import click
from mlyard_shared.people import check_name, check_role, made_password

from mlyard_training_pipeline.settings import Settings

ROLES = ("admin", "op", "user", "viewer")
CHOICE = f"[{'|'.join(ROLES)}]"


def _name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    return check_name(value)


def _role(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    return check_role(value, ROLES)


name_argument = click.argument("name", callback=_name)


@click.group()
def users() -> None:
    """People's accounts in Airflow: admin, op, user or viewer. Where Airflow runs, this is run too."""


@users.command()
@name_argument
@click.option("--role", metavar=CHOICE, callback=_role, default="viewer", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, or ask for it.")
def add(name: str, role: str, *, password_stdin: bool) -> None:
    """Make an account; its password is made too, and shown this once."""
    from mlyard_training_pipeline.orchestration.processes.accounts import opened

    given = _given() if password_stdin else None
    with opened(Settings.load()) as accounts:
        password = given if given is not None else made_password()
        told = accounts.add(name, role, password)
    click.echo(told)
    if given is None:
        click.echo(f"password, shown this once: {password}")


@users.command()
@name_argument
def remove(name: str) -> None:
    """Remove a person's account; that of the stack stays."""
    from mlyard_training_pipeline.orchestration.processes.accounts import opened

    with opened(Settings.load()) as accounts:
        told = accounts.remove(name)
    click.echo(told)


@users.command()
@name_argument
@click.argument("role", metavar=CHOICE, callback=_role)
def role(name: str, role: str) -> None:
    """Give a person another role."""
    from mlyard_training_pipeline.orchestration.processes.accounts import opened

    with opened(Settings.load()) as accounts:
        told = accounts.give(name, role)
    click.echo(told)


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document in place of lines.")
def list_(*, as_json: bool) -> None:
    """List the accounts with their roles; that of the stack is marked."""
    from mlyard_training_pipeline.orchestration.processes.accounts import opened

    with opened(Settings.load()) as accounts:
        found = accounts.all()
    if as_json:
        click.echo(json.dumps({"users": [user._asdict() for user in found]}, indent=2))
    for user in () if as_json else found:
        click.echo(f"{user.name}\t{user.role}\t{'the stack' if user.is_service else 'a person'}")


def _given() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
