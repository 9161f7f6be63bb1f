"""What a release is delivered as: wheel, sdist and image, built from the release's commit and nothing else.

hatch run lint:build PACKAGE-vX.Y.Z     wheel, sdist and bill of materials of a release, as the workflow builds them
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from mlyard_release import outputs, releases
from mlyard_release.packages import ROOT, Package, packages
from mlyard_release.releases import git

Made = TypeVar("Made")


def steps(
    package: Package, version: str, commit: Callable[[], str | None], *, make: Callable[..., Made]
) -> Iterator[Made]:
    """The steps that build what is not there yet."""
    folder = package.root / "dist" / releases.tag(package.name, version)
    yield make(
        f"build wheel and sdist into {folder.relative_to(package.root)}",
        lambda: len(list(folder.glob("*.whl"))) == len(list(folder.glob("*.tar.gz"))) == 1,
        lambda: distributions(package, str(commit()), folder),
    )
    if (package.folder / "Dockerfile").exists() and engine_answers():
        yield make(
            f"build the image {package.distribution}:{version}",
            lambda: label(package, version) == commit(),
            lambda: image(package, version, str(commit())),
        )


def distributions(package: Package, commit: str, folder: Path) -> None:
    """Build the sdist, and the wheel from it; the same commit gives the same bytes."""
    with tempfile.TemporaryDirectory(prefix="mlyard-build-") as name:
        releases.unpack_commit(commit, (f"packages/{package.name}",), Path(name), root=package.root)
        source = Path(name) / "packages" / package.name
        built = Path(name) / "dist"
        command = ["uv", "build", "--quiet", "--no-create-gitignore", "--out-dir", str(built), str(source)]
        subprocess.run(command, check=True, env=os.environ | {"SOURCE_DATE_EPOCH": _moment(package, commit)})
        folder.mkdir(parents=True, exist_ok=True)
        for file in built.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())


def bill(package: Package, commit: str, file: Path) -> None:
    """Write the bill of materials of what the release is tested and delivered with: its pins, in CycloneDX."""
    with tempfile.TemporaryDirectory(prefix="mlyard-build-") as name:
        releases.unpack_commit(commit, (f"packages/{package.name}",), Path(name), root=package.root)
        folder = Path(name) / "packages" / package.name
        command = [
            sys.executable,
            "-m",
            "cyclonedx_py",
            "requirements",
            "--output-reproducible",
            "--mc-type",
            "library",
        ]
        command += ["--pyproject", str(folder / "pyproject.toml"), "--output-file", str(file)]
        subprocess.run([*command, str(folder / "requirements.txt")], check=True, stderr=subprocess.DEVNULL)


def image(package: Package, version: str, commit: str, *words: str) -> None:
    """Build the image from the commit's sources, labelled with version and revision; `words` are for Docker."""
    with tempfile.TemporaryDirectory(prefix="mlyard-build-") as name:
        releases.unpack_commit(commit, ("packages",), Path(name), root=package.root)
        folder = Path(name) / "packages"
        command = ["docker", "build", str(folder / package.name), "--build-context", f"shared={folder / 'shared'}"]
        command += ["--build-arg", f"VERSION={version}", "--label", f"org.opencontainers.image.revision={commit}"]
        command += ["--tag", f"{package.distribution}:{version}", *words]
        environment = os.environ | {"SOURCE_DATE_EPOCH": _moment(package, commit)}
        subprocess.run(command, check=True, env=environment)


def engine_answers() -> bool:
    """Whether there is a Docker Engine; without one the image is left to the workflow."""
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def label(package: Package, version: str) -> str | None:
    """The commit that an image says it was built from."""
    form = '{{index .Config.Labels "org.opencontainers.image.revision"}}'
    command = ["docker", "image", "inspect", "--format", form, f"{package.distribution}:{version}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else None


def _moment(package: Package, commit: str) -> str:
    return git(package.root, "show", "--no-patch", "--format=%ct", commit).strip()


def main(arguments: list[str], *, root: Path = ROOT) -> int:
    """Build the distributions of a release by its tag, and hand its facts to a workflow's later steps."""
    known = packages(root)
    found = re.fullmatch(r"(\w+)-v(\d+\.\d+\.\d+)", arguments[0]) if len(arguments) == 1 else None
    if found is None or found[1] not in known:
        print(f"build: give the tag of a release, PACKAGE-vX.Y.Z, of {', '.join(known)}", file=sys.stderr)
        return 2
    package, version = known[found[1]], found[2]
    try:
        commit = releases.commit(package.name, version, root=root)
    except releases.NotReleased as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    stands = releases.version_at(package.name, commit, root=root)
    if stands != version:
        print(f"build: {arguments[0]} is at a commit with the version {stands}: tag it anew", file=sys.stderr)
        return 1
    folder = root / "dist" / arguments[0]
    distributions(package, commit, folder)
    bill(package, commit, folder.with_name(f"{folder.name}.cdx.json"))
    outputs.hand_on(
        package=package.name,
        distribution=package.distribution,
        version=version,
        image=str((package.folder / "Dockerfile").exists()).lower(),
    )
    print(f"built into {folder.relative_to(root)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
