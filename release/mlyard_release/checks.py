"""The parts of `hatch run check` that a change can alter: what runs before a commit, in seconds.

    hatch run check-affected [--base REV]     REV is what is compared with, by default HEAD

Each part is a command of `hatch run check`. Those that take longer are left to it, and named.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlyard_release.affected import Repository, changed, is_below
from mlyard_release.packages import ROOT

PARTS = {
    "lint:quick": (),
    "lint:docs": ("docs/", "README.md", "CONTRIBUTING.md", "packages/", "compose/", "tests/docs/", "pyproject.toml"),
    "lint:dockerfiles": ("packages/*/Dockerfile", ".hadolint.yaml"),
    "lint:shell": (".ci/", "compose/", "tests/shell/"),
    "lint:workflows": (".github/", "tests/workflows/", "pyproject.toml"),
    "contract:written": ("packages/*/src/", "packages/*/contracts/"),
}
"""What is no check of types, and the places that it looks at; the first looks at all."""
LONGER = {
    "lint:compose": ("compose/", "tests/compose/", "packages/*/Dockerfile"),
    "lint:distributions": ("packages/*/pyproject.toml", "packages/*/requirements*.txt", "tests/distributions/"),
}


def chosen(files: list[str], repository: Repository) -> Iterator[str]:
    """The commands whose result a change of these files may alter."""
    if not files:
        return
    for command, places in {**PARTS, **types(repository)}.items():
        if not places or any(is_below(file, places) for file in files):
            yield command


def types(repository: Repository) -> dict[str, tuple[str, ...]]:
    """The checks of types, each with its own paths and the sources of the packages that its environment has."""
    found = {}
    for command in repository.environments["default"]["scripts"]["check"]:
        environment, _, script = command.removeprefix("hatch run ").partition(":")
        if script == "types":
            own = str(repository.environments[environment]["scripts"]["types"])
            paths = [one for one in re.findall(r"\{root\}/([^\s'\"\]]+)", own) if not one.startswith(".mypy_cache")]
            members = repository.members(environment)
            sources = [f"packages/{member}/src/" for member in sorted(members)]
            found[f"{environment}:types"] = (*paths, *sources, "pyproject.toml")
    return found


def run(command: str, root: Path) -> tuple[str, int, str]:
    """Run a command, and return it with its verdict and what it printed."""
    ended = subprocess.run(
        ["hatch", "run", command], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return command, ended.returncode, ended.stdout


def main(arguments: list[str], *, root: Path = ROOT) -> int:
    """Run what is affected, as many at once as there are processors; show what has failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", metavar="REV", default="HEAD")
    asked = parser.parse_args(arguments)
    try:
        files = changed(asked.base, root)
    except subprocess.CalledProcessError as error:
        sys.exit(f"git: {error.stderr.strip()}")
    failed = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for command, verdict, printed in pool.map(lambda one: run(one, root), chosen(files, Repository(root))):
            print(f"{'FAILED' if verdict else 'passed'}  hatch run {command}")
            if verdict:
                print(printed)
                failed += 1
    for command, places in LONGER.items():
        if any(is_below(file, places) for file in files):
            print(f"not run, as it takes longer: hatch run {command}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
