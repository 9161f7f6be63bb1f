"""Run each package's tests with the lowest sibling that its metadata allows, built from that release's commit.

hatch run lint:floors [PACKAGE ...]           the packages' folders; by default all
hatch run lint:floors PACKAGE --at VERSION    another version of the sibling: how low may its floor be?
"""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from mlyard_release import releases
from mlyard_release.packages import ROOT, Package, Sibling, packages


def check(package: Package, sibling: Sibling, version: str) -> str | None:
    """Run a package's tests with one version of a sibling; return what is wrong."""
    title = f"{package.name} with {sibling.package} {version}"
    try:
        if is_this_tree(package.root, sibling.package, version):
            print(f"{title}: it is this tree's, with which {package.name}'s own tests run", flush=True)
            return None
        with tempfile.TemporaryDirectory(prefix="mlyard-floor-") as name:
            folder = Path(name)
            source = releases.unpack(sibling.package, version, folder / "released", root=package.root)
            python = install(package, sibling, source, folder)
            command = [str(python), "-m", "pytest", "-q", "-x", str(package.folder / "tests")]
            ended = subprocess.run(command, cwd=package.root, env=variables(), check=False)
    except releases.NotReleased as error:
        return f"{title}: {error}"
    except subprocess.CalledProcessError as error:
        return f"{title}: they cannot be installed together ({error})"
    print(f"{title}: {'passed' if ended.returncode == 0 else 'FAILED'}", flush=True)
    return f"{title}: its tests fail, so the floor is too low" if ended.returncode else None


def is_this_tree(root: Path, name: str, version: str) -> bool:
    """Whether a version of a package is what the working tree has: not released yet, or unchanged since.

    Raises:
        NotReleased: there is no commit of it, and it is not the tree's.
    """
    folder = packages(root)[name].folder
    try:
        commit = releases.commit(name, version, root=root)
    except releases.NotReleased:
        if version == packages(root)[name].project["version"]:
            return True
        raise
    return not releases.git(
        root, "diff", "--name-only", commit, "--", str(folder / "src"), str(folder / "pyproject.toml")
    )


def install(package: Package, sibling: Sibling, source: Path, folder: Path) -> Path:
    """Make an environment of a package and its sibling's source below a folder; return its interpreter."""
    tools = tomllib.loads((package.root / "pyproject.toml").read_text())["dependency-groups"]["test"]
    # In place of what the package requires, since the version to try may be lower.
    sources = folder / "sources.txt"
    sources.write_text(f"mlyard-{sibling.package.replace('_', '-')}[{sibling.extras}] @ {source.as_uri()}\n")
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(folder / "environment")], check=True)
    python = folder / "environment" / "bin" / "python"
    command = ["uv", "pip", "install", "--quiet", "--python", str(python), "--override", str(sources), *tools]
    command += [
        "--editable",
        f"{package.folder}[{','.join(package.extras)}]" if package.extras else str(package.folder),
    ]
    subprocess.run(command, check=True, env=variables())
    return python


def variables() -> dict[str, str]:
    """This process's variables but for what chooses the versions and the modules of its own environment."""
    own = ("PYTHONPATH", "UV_CONSTRAINT", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in own}


def main(arguments: list[str], *, root: Path = ROOT) -> int:
    """Run what is asked for; return 0 if each floor holds."""
    known = packages(root)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", choices=[*known, []])
    parser.add_argument("--at", metavar="VERSION")
    asked = parser.parse_args(arguments)
    pairs = [(known[name], sibling) for name in asked.packages or known for sibling in known[name].siblings()]
    wrong = [check(package, sibling, asked.at or sibling.floor) for package, sibling in pairs]
    problems = [problem for problem in wrong if problem is not None]
    for problem in problems:
        print(problem, file=sys.stderr)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
