"""The accounts of people in Airflow, by whichever auth manager it has: made, removed, and given roles."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, NamedTuple, Protocol

from mlyard_shared.people import AccountRefused

from mlyard_training_pipeline.orchestration import people
from mlyard_training_pipeline.orchestration.people import Person
from mlyard_training_pipeline.orchestration.processes.database import check
from mlyard_training_pipeline.orchestration.processes.home import prepare
from mlyard_training_pipeline.settings import Settings

SHORTEST_PASSWORD = 12


class User(NamedTuple):
    """An account; that of the settings is the stack's own."""

    name: str
    role: str
    is_service: bool


class Keeper(Protocol):
    """Where accounts are kept: names with roles in lower case; `soon` says when a change holds."""

    soon: str

    def all(self) -> dict[str, str]:
        """Return the roles by name."""
        ...

    def add(self, name: str, role: str, password: str) -> None:
        """Make an account that is not there."""
        ...

    def remove(self, name: str) -> None:
        """Remove one that is there."""
        ...

    def give(self, name: str, role: str) -> None:
        """Give one that is there another role."""
        ...


class Accounts:
    """What a person may do with the accounts of an Airflow; the one of the settings stays an administrator."""

    def __init__(self, keeper: Keeper, *, own: str) -> None:
        self._keeper = keeper
        self._own = own

    def all(self) -> list[User]:
        """Return every account by name."""
        return sorted(User(name, role, name == self._own) for name, role in self._keeper.all().items())

    def add(self, name: str, role: str, password: str) -> str:
        """Make an account, and say so."""
        if not (len(password) >= SHORTEST_PASSWORD and password.isprintable()):
            raise AccountRefused(f"a password has {SHORTEST_PASSWORD} characters or more")
        known = {user.name.casefold(): user for user in self.all()}  # names have no case in FAB's auth manager
        if there := known.get(name.casefold()):
            raise AccountRefused(f"there is an account {there.name!r} already ({there.role}): `users role` changes it")
        self._keeper.add(name, role, password)
        return f"{name} may sign in as {role}"

    def remove(self, name: str) -> str:
        """Remove a person's account, and say so."""
        self._person(name)
        self._keeper.remove(name)
        return f"{name} is removed: it holds {self._keeper.soon}, without a restart"

    def give(self, name: str, role: str) -> str:
        """Give a person another role, and say so."""
        if self._person(name).role == role:
            return f"{name} is {role} already"
        self._keeper.give(name, role)
        return f"{name} is {role}: it holds {self._keeper.soon}, without a restart"

    def _person(self, name: str) -> User:
        users = self.all()
        found = next((user for user in users if user.name == name), None)
        if found is None:
            raise AccountRefused(f"there is no account {name!r}: there are {', '.join(user.name for user in users)}")
        if found.is_service:
            raise AccountRefused(
                f"{name!r} is the account of the stack itself, which each start makes: it stays as it is"
            )
        return found


@contextmanager
def opened(settings: Settings) -> Iterator[Accounts]:
    """Open the accounts of the Airflow of these settings; until the block ends, no other such command changes a file.

    Raises:
        CannotStart, DatabaseError, SettingsError: it cannot be used.
    """
    # Airflow reads its variables when it is imported, and logs to where answers belong.
    os.environ.update(prepare(settings))
    with redirect_stdout(sys.stderr):
        if settings.auth_manager == "simple":
            with people.held(settings.airflow_home):
                yield Accounts(_Simple(settings), own=settings.airflow_user)
            return
        check(settings)
        # What Airflow's libraries say of their next releases is nothing that whoever runs this could follow.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

            with get_application_builder() as builder:
                yield Accounts(_Fab(builder.sm), own=settings.airflow_user)


class _Simple:
    soon = "at once"

    def __init__(self, settings: Settings) -> None:
        self._home = settings.airflow_home
        self._own = settings.airflow_user

    def all(self) -> dict[str, str]:
        return {self._own: "admin"} | {name: person.role for name, person in people.read(self._home).items()}

    def add(self, name: str, role: str, password: str) -> None:
        people.write(self._home, people.read(self._home) | {name: Person(role, password)})

    def remove(self, name: str) -> None:
        people.write(self._home, {other: person for other, person in people.read(self._home).items() if other != name})

    def give(self, name: str, role: str) -> None:
        known = people.read(self._home)
        people.write(self._home, known | {name: known[name]._replace(role=role)})


class _Fab:
    soon = "within half a minute"

    def __init__(self, security: Any) -> None:
        self._security = security

    def all(self) -> dict[str, str]:
        users = self._security.get_all_users()
        return {user.username: ", ".join(role.name.lower() for role in user.roles) for user in users}

    def add(self, name: str, role: str, password: str) -> None:
        # FAB wants names and an address, which nobody sees.
        address = f"{name.replace('@', '.at.')}@localhost.localdomain"
        made = self._security.add_user(name, name, "-", address, self._role(role), password)
        _done(made, name)

    def remove(self, name: str) -> None:
        user = self._security.find_user(username=name)
        user.roles.clear()
        _done(self._security.del_register_user(user), name)

    def give(self, name: str, role: str) -> None:
        user = self._security.find_user(username=name)
        user.roles = [self._role(role)]
        _done(self._security.update_user(user) is not False, name)

    def _role(self, name: str) -> Any:
        return self._security.find_role(name.capitalize())


def _done(answer: object, name: str) -> None:
    if not answer:
        raise AccountRefused(f"Airflow did not change the account {name!r}: its log above says why")
