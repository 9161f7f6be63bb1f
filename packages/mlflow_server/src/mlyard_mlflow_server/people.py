"""The accounts of people: made, removed and given roles beside those of the services, in MLflow's own tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, Self, get_args

from mlyard_shared.people import AccountRefused

from mlyard_mlflow_server.address import PREFIX
from mlyard_mlflow_server.auth import ADMIN, CACHE_SECONDS, PIPELINE, READER, WRITES, is_reader, load_auth
from mlyard_mlflow_server.database import SIGN_IN, migrated
from mlyard_mlflow_server.settings import SHORTEST_SECRET, Settings

Role = Literal["admin", "editor", "reader"]
ROLES: tuple[Role, ...] = get_args(Role)
GRANTS = {"editor": "EDIT", "reader": "READ"}
"""What each role may do with what others made: an editor changes it, and deletes only what is their own."""
SERVICES = (ADMIN, PIPELINE, READER)
SOON = f"it holds within {CACHE_SECONDS} s, without a restart"


class User(NamedTuple):
    """An account; those that MLflow's page made have the role `own`: they manage what they make."""

    name: str
    role: str
    is_service: bool


class People:
    """The accounts of one database."""

    def __init__(self, store: Any) -> None:
        self._store = store

    @classmethod
    @contextmanager
    def of(cls, settings: Settings) -> Iterator[Self]:
        """Open the accounts of a server; until the block ends, no other such command changes them.

        Raises:
            AccountRefused: the server asks nobody for an account.
            DatabaseError: the database cannot be used.
        """
        if settings.auth != "basic":
            raise AccountRefused(f"this server asks nobody for an account: set {PREFIX}AUTH=basic to have some")
        store, uri = load_auth(settings).store, settings.backend_store_uri.get_secret_value()
        with migrated(uri, [SIGN_IN]):
            store.init_db(uri)
            yield cls(store)

    def all(self) -> list[User]:
        """Return every account by name."""
        found = [User(user.username, self._role(user), user.username in SERVICES) for user in self._store.list_users()]
        return sorted(found)

    def add(self, name: str, role: Role, password: str) -> str:
        """Make an account, and say so."""
        check_password(password)
        # Of two names that differ in their case, a person would take one for the other.
        for user in self.all():
            if user.name.casefold() == name.casefold():
                raise AccountRefused(
                    f"there is an account {user.name!r} already ({user.role}): `users role` changes it"
                )
        self._store.create_user(name, password, is_admin=role == "admin")
        self._grant(name, role)
        return f"{name} may sign in as {role}"

    def remove(self, name: str) -> str:
        """Remove a person's account, and say so."""
        self._person(name)
        self._store.delete_user(name)
        return f"{name} is removed: {SOON}"

    def give(self, name: str, role: Role) -> str:
        """Give a person another role, and say so."""
        if self._person(name).role == role:
            return f"{name} is {role} already"
        self._store.update_user(name, is_admin=role == "admin")
        self._grant(name, role)
        return f"{name} is {role}: {SOON}"

    def _grant(self, name: str, role: Role) -> None:
        for kind in WRITES:
            self._store.grant_user_permission(name, kind, "*", GRANTS.get(role, "MANAGE"))

    def _role(self, user: Any) -> str:
        if user.is_admin:
            return "admin"
        if is_reader(self._store, user.username):
            return "reader"
        patterns = {grant.experiment_id for grant in self._store.list_experiment_permissions(user.username)}
        return "editor" if "*" in patterns else "own"

    def _found(self, name: str) -> User:
        for user in self.all():
            if user.name == name:
                return user
        raise AccountRefused(f"there is no account {name!r}: there are {', '.join(user.name for user in self.all())}")

    def _person(self, name: str) -> User:
        user = self._found(name)
        if user.is_service:
            raise AccountRefused(
                f"{name!r} is an account of the stack itself, which each start makes: it stays as it is"
            )
        return user


def check_password(password: str) -> None:
    """Refuse a password that MLflow cannot take.

    Raises:
        AccountRefused: it is too short, or not ASCII, which one of MLflow's two readers takes alone.
    """
    if not (len(password) >= SHORTEST_SECRET and password.isascii() and password.isprintable()):
        raise AccountRefused(f"a password has {SHORTEST_SECRET} ASCII characters or more")
