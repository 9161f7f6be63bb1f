"""Who a sign-in says it is: a name and a password, in one form that all of Airflow's readers understand alike."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
LONGEST_NAME = 512
"""Characters; what the columns of Airflow's tables take of a name or an address of mail."""
LONGEST_PASSWORD = 1024
MOST_FIELDS = 20


class Unreadable(ValueError):
    """A body names no account, or could name more than one."""


class Credentials(NamedTuple):
    """An account's name and the password that came with it."""

    name: str
    password: str

    @property
    def account(self) -> str:
        """The account for the count of wrong passwords: Airflow may be set to take names in any case."""
        return self.name.casefold()


def read(body: bytes, kind: str) -> tuple[Credentials, dict[str, Any]]:
    """Read the body of a sign-in; return the credentials and all of its fields.

    Args:
        body: as it was sent.
        kind: its media type, `JSON` or `FORM`.

    Raises:
        Unreadable: it is neither, a field comes twice, or the name or the password is one that nobody can have.
    """
    try:
        fields = json.loads(body, object_pairs_hook=_once) if kind == JSON else _once(_form(body))
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    if not isinstance(fields, dict):
        raise Unreadable
    name, password = fields.get("username"), fields.get("password")
    if not (isinstance(name, str) and isinstance(password, str)):
        raise Unreadable
    # What is not printable includes NUL, which no database takes, and halves of surrogate pairs, which are no text.
    if not (name.isprintable() and 0 < len(name) <= LONGEST_NAME and 0 < len(password) <= LONGEST_PASSWORD):
        raise Unreadable
    if "\0" in password or not _is_text(password):
        raise Unreadable
    return Credentials(name, password), fields


def written(fields: dict[str, Any], kind: str) -> bytes:
    """The fields as a body of this media type."""
    return urlencode(fields).encode() if kind == FORM else json.dumps(fields).encode()


def _form(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unreadable
    return fields


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
