"""A release as its users have it: installed from wheels that are built from its commit, with the pins that it had."""

import subprocess
import sys
import tempfile
from pathlib import Path

from mlyard_release import build, releases
from mlyard_release.floors import variables
from mlyard_release.packages import ROOT, packages

PINS = "requirements.txt"


def environment(package: str, version: str, folder: Path, *, root: Path = ROOT) -> Path:
    """Return the interpreter of an environment with a release of a package, which is made where the folder lacks it.

    Its siblings are of the versions that they had at the release's commit.

    Raises:
        NotReleased: as `releases.commit`.
    """
    commit = releases.commit(package, version, root=root)
    made = folder / f"{releases.tag(package, version)}-{commit[:12]}-python{sys.version_info[0]}.{sys.version_info[1]}"
    python, finished = made / "bin" / "python", made / "finished"
    if finished.exists():
        return python
    known = packages(root)
    siblings = [sibling.package for sibling in known[package].siblings()]
    with tempfile.TemporaryDirectory(prefix="mlyard-installed-") as name:
        wheels = Path(name) / "wheels"
        for one in (package, *siblings):
            build.distributions(known[one], commit, wheels)
        releases.unpack_commit(commit, (f"packages/{package}/{PINS}",), Path(name), root=root)
        pins = Path(name) / "packages" / package / PINS
        subprocess.run(["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(made)], check=True)
        command = ["uv", "pip", "install", "--quiet", "--python", str(python), "--constraint", str(pins)]
        subprocess.run([*command, *map(str, wheels.glob("*.whl"))], check=True, env=variables())
    finished.touch()
    return python
