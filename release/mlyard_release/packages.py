"""The packages of the repository, as their own metadata tell of them."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

_REQUIREMENT = re.compile(r"mlyard-(?P<name>[\w-]+)(\[(?P<extras>[\w,]+)\])?(>=(?P<floor>[\d.]+))?")


@dataclass(frozen=True)
class Sibling:
    """What a package requires of another package of this repository: at least the version `floor`."""

    package: str
    extras: str
    floor: str


@dataclass(frozen=True)
class Package:
    """A package by its folder's name."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.root / "packages" / self.name

    @property
    def distribution(self) -> str:
        """What it is installed as."""
        return f"mlyard-{self.name.replace('_', '-')}"

    @cached_property
    def project(self) -> dict[str, Any]:
        """Its metadata."""
        found: dict[str, Any] = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        return found

    @property
    def extras(self) -> tuple[str, ...]:
        """Its optional parts."""
        return tuple(self.project.get("optional-dependencies", {}))

    def siblings(self) -> Iterator[Sibling]:
        """The packages of this repository that it requires, its optional parts included."""
        required = [*self.project["dependencies"]]
        required += [one for extra in self.project.get("optional-dependencies", {}).values() for one in extra]
        for requirement in required:
            found = _REQUIREMENT.match(requirement)
            if found is not None and (name := found["name"].replace("-", "_")) != self.name:
                yield Sibling(name, found["extras"] or "", found["floor"] or "0")


def packages(root: Path = ROOT) -> dict[str, Package]:
    """All packages, by name."""
    names = sorted(file.parent.name for file in root.glob("packages/*/pyproject.toml"))
    return {name: Package(root, name) for name in names}


def made_of(name: str, known: dict[str, Package]) -> set[str]:
    """A package and all that it requires of this repository, directly or not."""
    found: set[str] = set()
    left = [name]
    while left:
        found.add(one := left.pop())
        left += [sibling.package for sibling in known[one].siblings() if sibling.package not in found]
    return found


def dependents(name: str, known: dict[str, Package]) -> list[str]:
    """The packages that require a package, directly or not."""
    return [other for other in known if other != name and name in made_of(other, known)]
