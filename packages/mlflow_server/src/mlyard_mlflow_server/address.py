"""Where the server listens, and the names it is reached by.

Only the standard library is imported here and in `health`: a health check runs every few seconds and pays for imports.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from mlyard_shared.errors import SettingsError

PREFIX = "MLYARD_MLFLOW_SERVER_"
EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to compare with: where these are reached from here

THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")
ALWAYS = ("mlflow", *THIS_MACHINE)
"""By these names the stack itself calls the server, its health check included."""


@dataclass(frozen=True)
class Address:
    """One network address, and the Host headers that it accepts beside those that it always accepts."""

    host: str = "127.0.0.1"
    port: int = 5000
    allowed_hosts: tuple[str, ...] = ()

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """Read what `Settings` reads, without pydantic.

        Raises:
            SettingsError: the port is not a number of a port.
        """
        port = environment.get(f"{PREFIX}PORT", str(cls.port))
        if not (port.isdecimal() and 1 <= int(port) <= 65535):
            raise SettingsError(f"{PREFIX}PORT: must be a number from 1 to 65535")
        allowed = split_names(environment.get(f"{PREFIX}ALLOWED_HOSTS", ""))
        return cls(environment.get(f"{PREFIX}HOST", cls.host), int(port), allowed)

    @property
    def reached_at(self) -> str:
        """The address to connect to from this machine."""
        return EVERY_INTERFACE.get(self.host, self.host)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The Host headers that MLflow accepts: a name without a port is accepted with any."""
        own = () if self.host in EVERY_INTERFACE else (_in_url(self.host),)
        names = (*ALWAYS, *self.allowed_hosts, *own)
        return tuple(dict.fromkeys(pattern for name in names for pattern in _with_any_port(name)))

    @property
    def origins(self) -> tuple[str, ...]:
        """Each name as web origins, for pages that come through a proxy which calls the server by another name.

        They are exact. One part of MLflow would take a `*` for a pattern and another for a regular expression, by which
        `http://mlflow:*` allows http://mlflow.example.com.
        """
        names = [name for name in self.names() if name.rpartition(":")[0] not in THIS_MACHINE]
        forms = [form for name in names for form in (name, name.rpartition(":")[0]) if "[" not in form]
        return tuple(f"{scheme}://{form}" for form in forms for scheme in ("http", "https"))

    def names(self, *more: str) -> tuple[str, ...]:
        """Return what a client would send as Host; patterns which stand for many names are left out."""
        known = [pattern.replace("[[]", "[").removesuffix(":*") for pattern in self.patterns]
        names = [name for name in (*known, *more) if "*" not in name]
        return tuple(dict.fromkeys(name if _has_port(name) else f"{name}:{self.port}" for name in names))


def split_names(value: str) -> tuple[str, ...]:
    """Return the names of a list with commas."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _has_port(name: str) -> bool:
    return ":" in name.rpartition("]")[2]


def _with_any_port(name: str) -> tuple[str, ...]:
    """Return the patterns of a name. MLflow takes names with a `*` for fnmatch's patterns, where `[` opens a set."""
    if name == "*" or _has_port(name):
        return (name.replace("[", "[[]") if "*" in name else name,)
    return (name, f"{name}:*".replace("[", "[[]"))
