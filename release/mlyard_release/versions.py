"""A package's version: the next one, and every place where it stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mlyard_release.packages import Package
from mlyard_release.releases import number

Part = Literal["patch", "minor", "major"]
PARTS: tuple[Part, ...] = get_args(Part)


def following(version: str, part: Part) -> str:
    """The next version."""
    major, minor, patch = number(version)
    match part:
        case "major":
            return f"{major + 1}.0.0"
        case "minor":
            return f"{major}.{minor + 1}.0"
        case "patch":
            return f"{major}.{minor}.{patch + 1}"


def may_break(before: str, after: str) -> bool:
    """Whether a version may take away what the one before had: a new major one, or below 1.0 a new minor one."""
    old, new = number(before), number(after)
    return new[0] > old[0] or (new[0] == 0 and new[1] > old[1])


@dataclass(frozen=True)
class Place:
    """Where a version stands in a file: between what comes before it and what comes after."""

    file: Path
    before: str
    after: str = ""

    def read(self) -> str:
        """The version that stands there."""
        return self._found()[1]

    def write(self, version: str) -> None:
        """Put a version there."""
        start, end = self._found().span(1)
        text = self.file.read_text()
        self.file.write_text(f"{text[:start]}{version}{text[end:]}")

    def _found(self) -> re.Match[str]:
        found = self.look()
        assert found is not None, f"{self.file} has no version after {self.before}"  # noqa: S101
        return found

    def look(self) -> re.Match[str] | None:
        """The match of the version, if it is there."""
        pattern = rf"^.*?{re.escape(self.before)}(\d+\.\d+\.\d+){re.escape(self.after)}"
        return re.search(pattern, self.file.read_text(), re.MULTILINE)


def places(package: Package) -> Iterator[Place]:
    """Every place where a package's version stands."""
    tag = f"MLYARD_{package.name.upper()}_TAG"
    compose = package.root / "compose"
    possible = [
        Place(package.folder / "pyproject.toml", 'version = "', '"'),
        Place(package.folder / "Dockerfile", "ARG VERSION="),
        *(Place(file, f"{tag}:-", "}") for file in sorted(compose.glob("*.yaml"))),
        Place(compose / ".env.example", f"{tag}="),
    ]
    yield from (place for place in possible if place.file.exists() and place.look() is not None)
