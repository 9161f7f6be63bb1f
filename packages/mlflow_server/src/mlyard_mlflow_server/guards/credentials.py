"""Who a request says it is from: one plain `Basic` header, and nothing that could be read in two ways."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import NamedTuple, Self

from mlyard_mlflow_server.guards.asgi import Header, values

LONGEST_NAME = 255  # the column of MLflow's table
_BASIC = re.compile(r"basic +([A-Za-z0-9+/]+={0,2})", re.IGNORECASE)


class Unreadable(ValueError):
    """The headers name no account, or more than one."""


class Credentials(NamedTuple):
    """An account's name and the password that came with it."""

    name: str
    password: str

    @classmethod
    def read(cls, headers: Iterable[Header], header: bytes) -> Self | None:
        """Read the credentials in the header of this name, None where there is no such header.

        Raises:
            Unreadable: the header came twice, has another scheme, broken base64 or text, or a name that none can have.
        """
        sent = values(headers, header)
        if not sent:
            return None
        basic = _BASIC.fullmatch(sent[0])
        if len(sent) > 1 or basic is None:
            raise Unreadable
        try:
            name, colon, password = base64.b64decode(basic[1], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Unreadable from error
        if not (colon and name.isprintable() and 0 < len(name) <= LONGEST_NAME and password):
            raise Unreadable
        return cls(name, password)

    def header(self, name: bytes) -> Header:
        """The header of this name with the credentials, in the one form that all of MLflow's readers take."""
        return name, b"Basic " + base64.b64encode(f"{self.name}:{self.password}".encode())
