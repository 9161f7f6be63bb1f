"""The connections that specs name: read from variables and secret files, under names as both can spell them."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlyard_shared.errors import SettingsError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

FIELD = "connections"


def connection_key(name: str) -> str:
    """The one spelling of a connection's name: a variable has no `-`, and the case of letters does not count in one.

    A spec's `my-db`, the variable `...CONNECTIONS__MY_DB` and the secrets files `connections__my-db` and
    `connections__my_db` are the same connection.
    """
    return re.sub("[-_]+", "_", name).strip("_").lower()


def with_keys(connections: object) -> object:
    """The connections under the one spelling of their names."""
    if not isinstance(connections, dict):
        return connections
    return {connection_key(str(name)): url for name, url in connections.items()}


class Connections(PydanticBaseSettingsSource):
    """What `<prefix>CONNECTIONS__<NAME>` and the files `connections__<name>` hold; a variable wins over a file."""

    def __init__(self, settings: type[BaseSettings], folder: Path | None) -> None:
        super().__init__(settings)
        self._folder = folder
        self._prefix = f"{settings.model_config.get('env_prefix', '')}{FIELD}__".upper()

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - inherited
        """Nothing: only one field is read, all of it at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        variables = {name: url for name, url in os.environ.items() if name.upper().startswith(self._prefix)}
        files = sorted(self._folder.glob(f"{FIELD}__*")) if self._folder is not None else []
        found = _by_key((file.name, file.name.removeprefix(f"{FIELD}__"), file.read_text("utf-8")) for file in files)
        found |= _by_key((name, name[len(self._prefix) :], url) for name, url in variables.items())
        return {FIELD: found} if found else {}


def _by_key(given: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """The URLs by their connections' keys, of triples: where one is written, its name, its URL."""
    places: dict[str, str] = {}
    found: dict[str, str] = {}
    for where, name, url in given:
        key = connection_key(name)
        if key in found and found[key] != url.strip():
            raise SettingsError(
                f"{places[key]} and {where} are the same connection, since - and _ are one character in its name: "
                "keep one of them"
            )
        places[key], found[key] = where, url.strip()
    return found
