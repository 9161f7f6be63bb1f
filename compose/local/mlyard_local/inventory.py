"""What the stack consists of, from `compose/inventory.toml`, which the stack in containers is held to as well."""

import tomllib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Self

from pydantic import BaseModel, ConfigDict

from mlyard_local.settings import ROOT

FILE = ROOT / "compose/inventory.toml"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Port(_Entry):
    """The setting of a published port, and its default."""

    variable: str
    default: int


class Service(_Entry):
    """One service: where it is described, what it comes from, what it keeps, and whose secrets it reads."""

    file: str
    package: str = ""
    """The folder of the package whose command it runs; none for what comes from others."""
    title: str = ""
    port: Port | None = None
    stores: tuple[str, ...]
    reader: str = ""
    ends: bool = False
    """It does its work and ends."""


class Store(_Entry):
    """What lasts: a volume of this name, or a place in the state folder."""

    kind: str
    local: str


class Secret(_Entry):
    """One random value."""

    bytes: int
    padded: bool = False
    renewable: bool = False
    login: Mapping[str, str] = {}
    """The service that a person logs in to with it, and how."""


class Reader(_Entry):
    """Who reads secrets: the user, what stands in each file, and which of them are made without containers too."""

    user: int
    files: Mapping[str, str]
    local: tuple[str, ...]


class Inventory(_Entry):
    """All of it."""

    services: Mapping[str, Service]
    stores: Mapping[str, Store]
    secrets: Mapping[str, Secret]
    readers: Mapping[str, Reader]

    @classmethod
    def load(cls) -> Self:
        """Read the file."""
        return cls.model_validate(tomllib.loads(FILE.read_text()))

    def ports(self) -> Mapping[str, Port]:
        """The services that listen where people reach them."""
        return {name: service.port for name, service in self.services.items() if service.port}

    def folders(self) -> tuple[str, ...]:
        """The folders of the state folder that the stores lie in."""
        return tuple(dict.fromkeys(PurePosixPath(store.local).parts[0] for store in self.stores.values()))

    def files(self) -> Mapping[str, Mapping[str, Secret]]:
        """The secret in each file that the stack without containers makes, by the package that reads it."""
        packages = {service.reader: service.package for service in self.services.values() if service.package}
        return {
            packages[name]: {file: self.secrets[reader.files[file].strip("{}")] for file in reader.local}
            for name, reader in self.readers.items()
            if reader.local
        }
