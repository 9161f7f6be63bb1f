"""What a change touches, and why: `hatch run affected`, for people and for the workflows alike.

    hatch run affected [--base REV] [--json]     REV is what is compared with, by default main

A suite is touched by a file that its tests or its packages are made of; which packages these are, and which siblings
they are made of in turn, the packages' own metadata says.
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlyard_release import outputs
from mlyard_release.packages import ROOT, made_of, packages
from mlyard_release.releases import git

EVERYTHING = ("pyproject.toml", "conftest.py", ".ci/", ".github/", "tests/environment/", "tests/suites.py")
"""What every suite runs with. A `*` stands for a name without a slash."""
WHOLE = {
    "test-e2e": ("packages/*/src/", "compose/", "examples/", "tests/e2e/", "tests/clients/", "packages/*/README.md"),
    "test-stack": ("packages/", "compose/", "examples/", "tests/stack/", "tests/clients/", "docs/operations.md"),
}
"""The tests of the whole stack, and what they are made of."""


@dataclass(frozen=True)
class Touched:
    """A command whose result a change may alter, and the first reason."""

    command: str
    reason: str


class Repository:
    """What is made of what."""

    def __init__(self, root: Path) -> None:
        """Read the environments and the packages' metadata."""
        self.root = root
        project = tomllib.loads((root / "pyproject.toml").read_text())
        self.environments: dict[str, Any] = project["tool"]["hatch"]["envs"]
        self.packages = packages(root)

    def suites(self) -> Iterator[tuple[str, tuple[str, ...], set[str]]]:
        """Each suite: its command, the paths of its own files, and the packages that it runs."""
        for name, environment in self.environments.items():
            script = environment.get("scripts", {}).get("test")
            if name == "default" or script is None:
                continue
            sources = environment.get("env-vars", {}).get("PYTHONPATH", "")
            paths = tuple(re.findall(r"\{root\}/([^\s:]+)", f"{script} {sources}"))
            owners = {path.split("/")[1] for path in paths if path.startswith("packages/")}
            parts = {sibling for owner in owners for sibling in made_of(owner, self.packages)}
            yield f"{name}:test", paths, parts | self.members(name)

    def members(self, environment: str) -> set[str]:
        """The packages that an environment has, with all that these are made of."""
        members = self.environments[environment].get("workspace", {}).get("members", ())
        names = [(one["path"] if isinstance(one, dict) else one).split("/")[1] for one in members]
        return {sibling for name in names for sibling in made_of(name, self.packages)}

    def touched(self, files: list[str]) -> Iterator[Touched]:
        """What a change of these files touches."""
        for command, paths, parts in self.suites():
            reason = self._reason(files, paths, parts)
            if reason is not None:
                yield Touched(command, reason)
        for command, paths in WHOLE.items():
            if file := next((file for file in files if is_below(file, (*paths, *EVERYTHING))), None):
                yield Touched(command, f"{file} is a part of the stack")
        if files:
            yield Touched("check", f"{files[0]} is in the repository")

    def _reason(self, files: list[str], paths: tuple[str, ...], parts: set[str]) -> str | None:
        for file in files:
            if is_below(file, EVERYTHING):
                return f"{file} is for all suites"
            if is_below(file, paths):
                return f"{file} is its own"
            package = file.split("/")[1] if file.startswith("packages/") and file.count("/") > 1 else None
            # A sibling's own tests, documents and image run in no suite but its own, whose paths name them.
            if package in parts and is_below(file, (f"packages/{package}/src/", f"packages/{package}/pyproject.toml")):
                return f"{file} is in {package}, which it runs"
            if package in parts and any(path.startswith(f"packages/{package}/") for path in paths):
                return f"{file} is in {package}, its own package"
        return None


def is_below(file: str, places: tuple[str, ...]) -> bool:
    """Whether a file is one of these places, or below one that is a folder."""
    for place in places:
        pattern = re.escape(place.rstrip("/")).replace(r"\*", "[^/]*")
        if re.fullmatch(rf"{pattern}(/.*)?" if not place.endswith(".py") else pattern, file):
            return True
    return False


def changed(base: str, root: Path) -> list[str]:
    """The files that differ from where this branch left another, what is not committed included."""
    since = git(root, "merge-base", base, "HEAD").strip()
    differing = git(root, "diff", "--name-only", "-z", since).split("\0")
    new = git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    return sorted({name for name in (*differing, *new) if name})


def main(arguments: list[str], *, root: Path = ROOT) -> int:
    """Print what a change touches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", metavar="REV", default="main")
    parser.add_argument("--json", action="store_true", help="the commands alone, as a list")
    asked = parser.parse_args(arguments)
    try:
        files = changed(asked.base, root)
    except subprocess.CalledProcessError as error:
        sys.exit(f"git: {error.stderr.strip()}")
    touched = list(Repository(root).touched(files))
    if asked.json:
        commands = json.dumps([one.command for one in touched])
        print(commands)
        outputs.hand_on(commands=commands)
        return 0
    if not touched:
        print(f"nothing has changed since {asked.base}")
    for one in touched:
        print(f"hatch run {one.command:<24}{one.reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
