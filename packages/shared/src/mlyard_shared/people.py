"""People's accounts in a service: their names, roles and passwords, which each service keeps in its own way."""

import difflib
import re
import secrets
from collections.abc import Sequence

from mlyard_shared.errors import MlyardError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
"""Without a colon, which ends the name in what a browser sends."""


class AccountRefused(MlyardError):
    """A person's account is not there, or cannot be made or changed so."""


def check_name(name: str) -> str:
    """Return the name of an account.

    Raises:
        AccountRefused: a service could not take it.
    """
    if not _NAME.fullmatch(name):
        raise AccountRefused(
            f"{name!r} cannot be the name of an account: give letters, digits, and _ . @ - after the first, 64 at most"
        )
    return name


def check_role(role: str, roles: Sequence[str]) -> str:
    """Return one of a service's roles, which may be given in capitals.

    Raises:
        AccountRefused: there is no such role.
    """
    if role.lower() not in roles:
        close = difflib.get_close_matches(role.lower(), roles, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise AccountRefused(f"there is no role {role!r}: {hint}give {', '.join(roles[:-1])} or {roles[-1]}")
    return role.lower()


def made_password() -> str:
    """A random password."""
    return secrets.token_urlsafe(18)
