"""The pinned requirements of every environment.

hatch run pins               writes them anew, with the versions that are pinned already where these still fit
hatch run pins --upgrade     with the newest versions
hatch run pins --renew       the same, then runs all tests in new environments of these, and says what has moved
hatch run pins --check       whether they satisfy what the metadata ask for; needs no network
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CONTRACT = ("shared", "mlflow_server", "model_api", "training_pipeline")
"""The packages in the environment of the contract tests."""
OPTIONAL = ("arrow", "boosters", "optuna")
"""Extras that an image has where its build is told so: each has a file of its own beside the image's."""
SIBLING = re.compile(r"mlyard-shared(\[[\w,]+\])?")
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
PROJECTS = {
    file.parent.name: tomllib.loads(file.read_text())["project"] for file in ROOT.glob("packages/*/pyproject.toml")
}
"""The package of each folder."""


def tools(group: str) -> str:
    """The tools of the root's dependency group, one a line."""
    return "".join(f"{tool}\n" for tool in TOOLS[group])


def compile_pins(output: Path, *sources: str, requirements: str = "", extra: list[str]) -> None:
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"]
    command += ["--no-header", "--output-file", str(output), *sources, *extra]
    # The pins of the environment that this runs in bind nobody else.
    environment = {name: value for name, value in os.environ.items() if name != "UV_CONSTRAINT"}
    subprocess.run(command, check=True, text=True, input=requirements, cwd=ROOT, env=environment)


def write(upgrade: list[str]) -> None:
    """Write all files."""
    for package, project in PROJECTS.items():
        folder = ROOT / "packages" / package
        offered = project.get("optional-dependencies", {})
        extras = [word for name in offered if name not in OPTIONAL for word in ("--extra", name)]
        sources = [f"packages/{package}/pyproject.toml"]
        sibling = next((SIBLING.match(name) for name in project["dependencies"] if SIBLING.match(name)), None)
        if sibling is not None:
            # The sibling is no pin: images and environments install it from its folder.
            extras += ["--no-emit-package", "mlyard-shared"]
            sources.append("-")
        where = f"{sibling[0]} @ {(ROOT / 'packages/shared').as_uri()}\n" if sibling is not None else ""
        compile_pins(folder / "requirements.txt", *sources, requirements=where, extra=[*extras, *upgrade])
        constraint = ["--constraint", f"packages/{package}/requirements.txt", *upgrade]
        for name in set(offered) & set(OPTIONAL):
            wanted = "".join(f"{line}\n" for line in offered[name])
            compile_pins(folder / f"requirements-{name}.txt", "-", requirements=wanted, extra=constraint)
        compile_pins(folder / "requirements-test.txt", "-", requirements=tools("test"), extra=constraint)
    build = ROOT / "packages/shared/requirements-build.txt"
    compile_pins(build, "-", requirements="editables\nhatchling\nuv\n", extra=upgrade)
    compile_pins(ROOT / "tests/requirements-lint.txt", "-", requirements=tools("lint"), extra=upgrade)
    shared = f"mlyard-shared[mlflow,models] @ {(ROOT / 'packages/shared').as_uri()}\n"
    compile_pins(
        ROOT / "tests/contract/requirements.txt",
        *(f"packages/{package}/pyproject.toml" for package in CONTRACT),
        "-",
        requirements=shared + tools("test"),
        extra=["--no-emit-package", "mlyard-shared", *upgrade],
    )
    compile_pins(
        ROOT / "tests/protocol_clients/requirements.txt",
        "packages/shared/pyproject.toml",
        "packages/model_api/pyproject.toml",
        "-",
        requirements=shared + tools("protocol-clients") + tools("test"),
        extra=["--no-emit-package", "mlyard-shared", *upgrade],
    )
    compile_pins(ROOT / "compose/local/requirements.txt", "-", requirements=tools("stack"), extra=upgrade)
    constraint = ["--constraint", "compose/local/requirements.txt", *upgrade]
    compile_pins(ROOT / "compose/local/requirements-test.txt", "-", requirements=tools("test"), extra=constraint)


@dataclass(frozen=True)
class Asked:
    """A file of pins, and the requirements that it has to satisfy."""

    file: Path
    requirements: tuple[str, ...]

    def missing(self) -> Iterator[str]:
        """Each requirement that no pin, or a wrong one, stands for."""
        pinned = read(self.file)
        for requirement in map(Requirement, self.requirements):
            versions = pinned.get(canonicalize_name(requirement.name))
            where = self.file.relative_to(ROOT)
            if versions is None:
                yield f"{where} has no pin of {requirement.name}"
            for version in sorted(versions or ()):
                if not requirement.specifier.contains(version, prereleases=True):
                    yield f"{where} pins {requirement.name} {version}, and the metadata ask for {requirement}"


def read(file: Path) -> dict[str, set[str]]:
    """The versions that a file pins, by name; one name has several where these depend on the platform."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;]+)", file.read_text(), re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def asked() -> Iterator[Asked]:
    """What each file has to satisfy, as the metadata stand now."""
    for package, project in PROJECTS.items():
        folder = ROOT / "packages" / package
        offered = project.get("optional-dependencies", {})
        inside = [extra for extra in offered if extra not in OPTIONAL]
        yield Asked(folder / "requirements.txt", needs(package, inside))
        for extra in set(offered) & set(OPTIONAL):
            yield Asked(folder / f"requirements-{extra}.txt", tuple(offered[extra]))
        yield Asked(folder / "requirements-test.txt", tuple(TOOLS["test"]))
    every = [one for package in CONTRACT for one in needs(package, [])]
    shared = needs("shared", ["mlflow", "models"])
    yield Asked(ROOT / "tests/contract/requirements.txt", (*every, *shared, *TOOLS["test"]))
    clients = (*needs("model_api", []), *TOOLS["protocol-clients"], *TOOLS["test"])
    yield Asked(ROOT / "tests/protocol_clients/requirements.txt", clients)
    yield Asked(ROOT / "tests/requirements-lint.txt", tuple(TOOLS["lint"]))
    yield Asked(ROOT / "compose/local/requirements.txt", tuple(TOOLS["stack"]))
    yield Asked(ROOT / "compose/local/requirements-test.txt", tuple(TOOLS["test"]))


def needs(package: str, extras: list[str]) -> tuple[str, ...]:
    """What a package with some of its extras requires of others, its sibling's requirements in the sibling's place."""
    project = PROJECTS[package]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    found: list[str] = []
    for line in lines:
        sibling = SIBLING.match(line)
        found += needs("shared", sorted(Requirement(sibling[0]).extras)) if sibling is not None else [line]
    return tuple(found)


def check() -> int:
    """Say which pins no longer satisfy the metadata."""
    wrong = [line for one in asked() for line in one.missing()]
    for line in wrong:
        print(line)
    if wrong:
        print("`hatch run pins` writes them anew")
    return int(bool(wrong))


def renew() -> int:
    """Take the newest versions, run all tests with them in new environments, and say what has moved."""
    files = sorted(
        path for folder in ("packages", "compose", "tests") for path in ROOT.glob(f"{folder}/**/requirements*.txt")
    )
    before = {file: read(file) for file in files}
    write(["--upgrade"])
    # The environments that there are keep their versions.
    with tempfile.TemporaryDirectory(prefix="mlyard-pins-") as data:
        variables = os.environ | {"HATCH_DATA_DIR": data}
        failed = subprocess.run(["hatch", "run", "test"], cwd=ROOT, env=variables, check=False).returncode
    print("\n".join(moved(before)) or "nothing has moved")
    print("the tests have FAILED with these" if failed else "all tests pass with these")
    return int(failed != 0)


def moved(before: dict[Path, dict[str, set[str]]]) -> list[str]:
    """What each file pins differently than before."""
    lines: dict[str, list[str]] = {}
    for file, old in before.items():
        new = read(file)
        for name in sorted(old.keys() | new.keys()):
            was, now = (", ".join(sorted(one.get(name, ()))) or "none" for one in (old, new))
            if was != now:
                lines.setdefault(f"{name} {was} -> {now}", []).append(str(file.relative_to(ROOT)))
    return [f"{move}    ({', '.join(files)})" for move, files in sorted(lines.items())]


def main(arguments: list[str]) -> int:
    match arguments:
        case ["--check"]:
            return check()
        case ["--renew"]:
            return renew()
        case [] | ["--upgrade"]:
            write(arguments)
            return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
