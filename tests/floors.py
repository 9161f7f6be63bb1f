"""Run each package's tests with the lowest sibling that its metadata allows, built from that release's commit.

python tests/floors.py [PACKAGE ...]           the packages' folders; by default all
python tests/floors.py PACKAGE --at VERSION    with another version of the sibling, to see how low its floor may be
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "packages"))

import releases  # noqa: E402 - it stands beside the packages, which are no package themselves

REQUIREMENT = re.compile(r"mlyard-(?P<name>[\w-]+)(\[(?P<extras>[\w,]+)\])?>=(?P<floor>[\d.]+)$")


@dataclass(frozen=True)
class Sibling:
    """What a package requires of another package of this repository."""

    package: str
    extras: str
    floor: str


def project(package: str, root: Path) -> dict[str, Any]:
    """A package's own metadata."""
    found: dict[str, Any] = tomllib.loads((root / "packages" / package / "pyproject.toml").read_text())["project"]
    return found


def siblings(package: str, root: Path) -> Iterator[Sibling]:
    """The packages of this repository that a package requires."""
    for requirement in project(package, root)["dependencies"]:
        found = REQUIREMENT.match(requirement)
        if found is not None:
            yield Sibling(found["name"].replace("-", "_"), found["extras"] or "", found["floor"])


def check(package: str, sibling: Sibling, version: str, root: Path) -> str | None:
    """Run a package's tests with one version of a sibling; return what is wrong."""
    title = f"{package} with {sibling.package} {version}"
    try:
        with tempfile.TemporaryDirectory(prefix="mlyard-floor-") as name:
            folder = Path(name)
            source = releases.unpack(sibling.package, version, folder / "released", root=root)
            python = install(package, sibling, source, folder, root)
            command = [str(python), "-m", "pytest", "-q", "-x", str(root / "packages" / package / "tests")]
            ended = subprocess.run(command, cwd=root, env=_environment(), check=False)
    except releases.NotReleased as error:
        # What has not been released yet is this tree's own, and each package's own tests run with it.
        if version == project(sibling.package, root)["version"]:
            print(f"{title}: not released yet, so it is this tree's, with which {package}'s own tests run", flush=True)
            return None
        return f"{title}: {error}"
    except subprocess.CalledProcessError as error:
        return f"{title}: they cannot be installed together ({error})"
    print(f"{title}: {'passed' if ended.returncode == 0 else 'FAILED'}", flush=True)
    return f"{title}: its tests fail, so the floor is too low" if ended.returncode else None


def install(package: str, sibling: Sibling, source: Path, folder: Path, root: Path) -> Path:
    """Make an environment of a package and its sibling's source below a folder; return its interpreter."""
    here = root / "packages" / package
    extras = ",".join(project(package, root).get("optional-dependencies", {}))
    tools = tomllib.loads((root / "pyproject.toml").read_text())["dependency-groups"]["test"]
    # In place of what the package requires, since the version to try may be lower.
    sources = folder / "sources.txt"
    sources.write_text(f"mlyard-{sibling.package.replace('_', '-')}[{sibling.extras}] @ {source.as_uri()}\n")
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(folder / "environment")], check=True)
    python = folder / "environment" / "bin" / "python"
    command = ["uv", "pip", "install", "--quiet", "--python", str(python), "--override", str(sources), *tools]
    command += ["--editable", f"{here}[{extras}]" if extras else str(here)]
    subprocess.run(command, check=True, env=_environment())
    return python


def _environment() -> dict[str, str]:
    """This process's variables but for what chooses the versions and the modules of its own environment."""
    own = ("PYTHONPATH", "UV_CONSTRAINT", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in own}


def main(arguments: list[str], *, root: Path = ROOT) -> int:
    """Run what is asked for; return 0 if each floor holds."""
    packages = sorted(file.parent.name for file in root.glob("packages/*/pyproject.toml"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", choices=[*packages, []])
    parser.add_argument("--at", metavar="VERSION")
    asked = parser.parse_args(arguments)
    pairs = [(package, sibling) for package in asked.packages or packages for sibling in siblings(package, root)]
    wrong = [check(package, sibling, asked.at or sibling.floor, root) for package, sibling in pairs]
    problems = [problem for problem in wrong if problem is not None]
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
