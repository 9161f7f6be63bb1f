"""The commands `users add`, `remove`, `role` and `list`: people's accounts in MLflow."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from mlyard_shared.people import check_name, check_role, made_password

from mlyard_mlflow_server.environment import server_environment
from mlyard_mlflow_server.settings import Settings

if TYPE_CHECKING:
    from mlyard_mlflow_server.people import People, Role

ROLES = ("admin", "editor", "reader")
CHOICE = f"[{'|'.join(ROLES)}]"


def _name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    return check_name(value)


def _role(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    return check_role(value, ROLES)


name_argument = click.argument("name", callback=_name)


@click.group()
def users() -> None:
    """People's accounts in MLflow: admin, editor (changes what others made) or reader."""


@users.command()
@name_argument
@click.option("--role", metavar=CHOICE, callback=_role, default="reader", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, or ask for it.")
def add(name: str, role: "Role", *, password_stdin: bool) -> None:
    """Make an account; its password is made too, and shown this once."""
    given = _given() if password_stdin else None
    with _people() as people:
        password = given if given is not None else made_password()
        click.echo(people.add(name, role, password))
    if given is None:
        click.echo(f"password, shown this once: {password}")


@users.command()
@name_argument
def remove(name: str) -> None:
    """Remove a person's account; the accounts of the stack stay."""
    with _people() as people:
        click.echo(people.remove(name))


@users.command()
@name_argument
@click.argument("role", metavar=CHOICE, callback=_role)
def role(name: str, role: "Role") -> None:
    """Give a person another role."""
    with _people() as people:
        click.echo(people.give(name, role))


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document in place of lines.")
def list_(*, as_json: bool) -> None:
    """List the accounts with their roles; those of the stack are marked."""
    with _people() as people:
        found = people.all()
    if as_json:
        click.echo(json.dumps({"users": [user._asdict() for user in found]}, indent=2))
    for user in () if as_json else found:
        click.echo(f"{user.name}\t{user.role}\t{'the stack' if user.is_service else 'a person'}")


@contextmanager
def _people() -> Iterator["People"]:
    settings = Settings.load()
    # MLflow reads its variables when it is imported.
    os.environ.update(server_environment(settings, os.environ))
    from mlyard_mlflow_server.people import People

    with People.of(settings) as people:
        yield people


def _given() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
