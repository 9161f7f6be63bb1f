"""Run each package's tests against the lowest `mlyard-shared` that its metadata allows, as that was released.

    python tests/siblings.py [PACKAGE ...]

Where that is the version of this tree, the package's own tests run against it already, and nothing is run.
"""

import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOOR = re.compile(r"mlyard-shared(\[[\w,]+\])?>=([\d.]+)$")


def project(package: str) -> dict[str, object]:
    """The metadata of a package of this tree."""
    found: dict[str, object] = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text())["project"]
    return found


def floor(package: str) -> tuple[str, str] | None:
    """The extras and the lowest version of `mlyard-shared` that a package asks for."""
    dependencies = project(package)["dependencies"]
    assert isinstance(dependencies, list)
    found = next((match for name in dependencies if (match := FLOOR.match(name))), None)
    return (found[1] or "", found[2]) if found else None


def released(version: str, folder: Path) -> Path:
    """The sources of `mlyard-shared` as they were released; raises `KeyError` for a version without a commit."""
    commit = tomllib.loads((ROOT / "packages/releases.toml").read_text())["shared"][version]
    command = ["git", "-C", str(ROOT), "archive", commit, "packages/shared"]
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")
    return folder / "packages/shared"


def run(package: str, folder: Path) -> bool:
    """Run the tests of a package in an environment of its pins, but for the sibling."""
    wanted = floor(package)
    if wanted is None or wanted[1] == project("shared")["version"]:
        print(f"{package}: its lowest mlyard-shared is the one of this tree", flush=True)
        return True
    extras, version = wanted
    sources = released(version, folder)
    python = folder / "bin" / "python"
    own = f"{ROOT / 'packages' / package}{_extras(package)}"
    pins = [f"{ROOT}/packages/{package}/requirements{kind}.txt" for kind in ("", "-test")]
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["test"]
    environment = os.environ | {"UV_CONSTRAINT": " ".join(pins)}
    environment["UV_BUILD_CONSTRAINT"] = str(ROOT / "packages/shared/requirements-build.txt")
    install = [
        "uv",
        "pip",
        "install",
        "--quiet",
        "--python",
        str(python),
        f"{sources}{extras}",
        "--editable",
        own,
        *tools,
    ]
    subprocess.run(["uv", "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder)], check=True)
    subprocess.run(install, check=True, env=environment)
    print(f"{package}: with mlyard-shared {version}", flush=True)
    tests = [str(python), "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile", f"packages/{package}/tests"]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode == 0


def _extras(package: str) -> str:
    found = project(package).get("optional-dependencies", {})
    return f"[{','.join(found)}]" if isinstance(found, dict) and found else ""


def main(packages: list[str]) -> int:
    """Run them one after the other; return 0 if all passed."""
    known = sorted(file.parent.name for file in ROOT.glob("packages/*/pyproject.toml") if file.parent.name != "shared")
    passed = True
    for package in packages or known:
        with tempfile.TemporaryDirectory(prefix="mlyard-sibling-") as folder:
            passed &= run(package, Path(folder))
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
