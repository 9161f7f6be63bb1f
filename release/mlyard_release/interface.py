"""The public Python names of a package: what a release takes away, and what a sibling uses of it.

hatch run lint:interface    fails where `shared` has taken away what its last release has, within the same series
"""

import ast
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import griffe

from mlyard_release import releases
from mlyard_release.packages import ROOT, Package, packages
from mlyard_release.versions import may_break


def breakages(package: Package, version: str) -> list[str]:
    """What the working tree has taken away or changed of the public names that a released version had.

    Raises:
        NotReleased: as `releases.commit`.
    """
    with tempfile.TemporaryDirectory(prefix="mlyard-interface-") as name:
        released = releases.unpack(package.name, version, Path(name), root=package.root)
        before, now = _load(released / "src", package), _load(package.folder / "src", package)
        # What they say has the paths of the folder, so it is read before the folder goes.
        return sorted({_sentence(one) for one in griffe.find_breaking_changes(before, now)})


def missing(user: Package, sibling: Package, version: str) -> list[str]:
    """The names that a package imports from its sibling, and which a released version of the sibling does not have.

    Raises:
        NotReleased: as `releases.commit`.
    """
    with tempfile.TemporaryDirectory(prefix="mlyard-interface-") as name:
        released = releases.unpack(sibling.name, version, Path(name), root=sibling.root)
        has = _load(released / "src", sibling)
        used = sorted(set(imported(user, _module(sibling))))
        return [f"{module}.{name}" if name else module for module, name in used if not _is_there(has, module, name)]


def imported(user: Package, module: str) -> Iterator[tuple[str, str]]:
    """Each module and name that a package's source imports from another package; the name is empty for `import`."""
    for file in (user.folder / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and not node.level and _is_in(node.module or "", module):
                yield from ((node.module or "", alias.name) for alias in node.names)
            elif isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names if _is_in(alias.name, module))


def _is_in(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _is_there(has: griffe.Module, module: str, name: str) -> bool:
    path = [*module.split(".")[1:], *([name] if name else [])]
    try:
        has[path]
    except KeyError:
        return not path
    return True


def _module(package: Package) -> str:
    return f"mlyard_{package.name}"


def _load(source: Path, package: Package) -> griffe.Module:
    found = griffe.load(_module(package), search_paths=[source], allow_inspection=False)
    assert isinstance(found, griffe.Module)  # noqa: S101 - a package is one
    return found


def _sentence(breakage: griffe.Breakage) -> str:
    return f"{breakage.obj.canonical_path}: {breakage.kind.value}"


def main(*, root: Path = ROOT) -> int:
    """Compare `shared` with its last release; return 0 if its version may take away what it does."""
    package = packages(root)["shared"]
    now, known = str(package.project["version"]), releases.versions("shared", root=root)
    if not known or may_break(known[-1], now):
        return 0
    try:
        found = breakages(package, known[-1])
    except releases.NotReleased as error:
        print(f"shared is not compared: {error}")
        return 0
    for one in found:
        print(
            f"shared: {one}, and {now} is of the same series as the released {known[-1]}: keep the name, or raise the "
            "major version (below 1.0 the minor one) in packages/shared/pyproject.toml",
            file=sys.stderr,
        )
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
