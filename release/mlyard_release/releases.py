"""The released versions of the packages: which commit each was made of, and its source.

A release is a tag `PACKAGE-vX.Y.Z`, or, where tags were not kept, a line of `release/releases.toml`.
"""

import io
import subprocess
import tarfile
import tomllib
from pathlib import Path

from mlyard_release.packages import ROOT

RECORD = "release/releases.toml"
Version = tuple[int, ...]


class NotReleased(Exception):
    """No commit is known for a version, or this clone does not have it."""


def number(version: str) -> Version:
    """A version that can be compared."""
    return tuple(int(part) for part in version.split("."))


def tag(package: str, version: str) -> str:
    """The name of a release's tag."""
    return f"{package}-v{version}"


def versions(package: str, *, root: Path = ROOT) -> list[str]:
    """The released versions of a package, the oldest first."""
    tags = git(root, "tag", "--list", tag(package, "*")).split()
    found = {name.removeprefix(tag(package, "")) for name in tags} | _recorded(root).get(package, {}).keys()
    return sorted(found, key=number)


def commit(package: str, version: str, *, root: Path = ROOT) -> str:
    """Return the commit of a version.

    Raises:
        NotReleased: neither a tag nor the record leads to one, or the history of this clone does not reach back to it.
    """
    for name in (f"refs/tags/{tag(package, version)}", _recorded(root).get(package, {}).get(version)):
        if name is not None and (found := _resolve(name, root)) is not None:
            return found
    raise NotReleased(
        f"there is no commit of {package} {version} here: "
        f"neither the tag {tag(package, version)} nor {RECORD} leads to one"
    )


def version_at(package: str, revision: str, *, root: Path = ROOT) -> str:
    """The version that a package had at a commit."""
    project = tomllib.loads(git(root, "show", f"{revision}:packages/{package}/pyproject.toml"))["project"]
    return str(project["version"])


def unpack(package: str, version: str, folder: Path, *, root: Path = ROOT) -> Path:
    """Unpack a version's source below a folder, and return the package's own folder in it.

    Raises:
        NotReleased: as `commit`.
    """
    unpack_commit(commit(package, version, root=root), (f"packages/{package}",), folder, root=root)
    return folder / "packages" / package


def unpack_commit(revision: str, paths: tuple[str, ...], folder: Path, *, root: Path = ROOT) -> None:
    """Unpack some paths of a commit below a folder."""
    command = ["git", "-C", str(root), "archive", revision, *paths]
    archive = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")


def record(package: str, version: str, revision: str, *, root: Path = ROOT) -> None:
    """Write a release's commit into the record."""
    known = _recorded(root)
    known.setdefault(package, {})[version] = revision
    lines = ["# The commits of releases, for clones without their tags."]
    for name, commits in sorted(known.items()):
        lines += ["", f"[{name}]", *(f'"{one}" = "{commits[one]}"' for one in sorted(commits, key=number))]
    (root / RECORD).write_text("\n".join(lines) + "\n")


def git(root: Path, *words: str) -> str:
    """What git prints.

    Raises:
        subprocess.CalledProcessError: it fails; says why.
    """
    return subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True, text=True).stdout


def _recorded(root: Path) -> dict[str, dict[str, str]]:
    file = root / RECORD
    return tomllib.loads(file.read_text()) if file.exists() else {}


def _resolve(name: str, root: Path) -> str | None:
    try:
        return git(root, "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}").strip()
    except subprocess.CalledProcessError:
        return None
