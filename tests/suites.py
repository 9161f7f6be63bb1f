"""Run every package's tests, each in its own environment, and one more at once than there are processors.

    python tests/suites.py [NAME ...]     NAME is a Hatch environment; by default all with tests
    python tests/suites.py --corners      the oldest Python with the lowest versions that the packages' metadata allow,
                                          and the newest Python with the newest versions; and each package with
                                          the lowest release of its sibling that its metadata allows
    python tests/suites.py --full         all, and every Python with the lowest and with the newest versions; tests that
                                          are marked as long are included

What a suite prints is shown when it ends, so that the suites' lines do not mix.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

LONGEST = ("training-pipeline", "model-api", "contract", "mlflow-server", "local")
"""They begin first, so that none of them is left to run alone at the end."""
AT_ONCE = (os.cpu_count() or 1) + 1
"""A suite waits for its servers and their time limits a third of its time."""
IN_PARTS = {"training-pipeline": "2"}
"""Suites that take longer alone than all the others side by side; one of its two processes waits for Airflow."""
FLOORS = "lint:floors"
"""Each package with the lowest sibling that it may be installed with."""


def environments() -> dict[str, Any]:
    """The environments of the root's project."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    found: dict[str, Any] = project["tool"]["hatch"]["envs"]
    return found


def suites() -> list[str]:
    """The environments that have tests of their own."""
    names = [name for name, one in environments().items() if name != "default" and "test" in one.get("scripts", {})]
    return sorted(names, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))


PYENV = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin"))
PATH = os.pathsep.join(
    [*(folder for folder in os.environ["PATH"].split(os.pathsep) if not folder.endswith("shims")), *map(str, PYENV)]
)
"""pyenv's interpreters themselves: its shims answer only for those that are chosen."""


def variables(name: str) -> dict[str, str]:
    """Of a suite: one process, as the suites run side by side already, but for those in parts."""
    return {"PATH": PATH, "PYTEST_XDIST_AUTO_NUM_WORKERS": IN_PARTS.get(name.partition("-matrix")[0], "0")}


@dataclass(frozen=True)
class Result:
    """How a suite ended."""

    name: str
    passed: bool
    seconds: float
    verdict: str
    output: str = ""


def run(name: str, words: tuple[str, ...] = ()) -> Result:
    """Run one suite in its environment, which Hatch makes where it is missing; `NAME:SCRIPT` names its script."""
    python = re.search(r"\.py(\d\.\d+)", name)
    if python is not None and not _is_installed(python[1]):
        return Result(name, passed=True, seconds=0, verdict=f"skipped: there is no Python {python[1]} on this machine")
    started = time.monotonic()
    ended = subprocess.run(
        ["hatch", "run", name] if ":" in name else ["hatch", "run", f"{name}:test", *words],
        env=os.environ | variables(name),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    passed = ended.returncode == 0
    return Result(name, passed, time.monotonic() - started, "passed" if passed else "FAILED", ended.stdout)


def _is_installed(version: str) -> bool:
    """Whether there is an interpreter; Hatch would fetch one from the internet."""
    found = shutil.which(f"python{version}", path=PATH)
    return found is not None and subprocess.run([found, "-V"], capture_output=True, check=False).returncode == 0


def matrix(*, corners: bool) -> list[str]:
    """The environments of the matrix, or the two corners of each."""
    found = []
    for name, environment in environments().items():
        for axes in environment.get("matrix", ()):
            pythons, resolutions = axes["python"], axes["resolution"]
            pairs = list(product(pythons, resolutions))
            chosen = [pairs[0], pairs[-1]] if corners else pairs
            found += [f"{name}.py{python}-{resolution}" for python, resolution in chosen]
    return found


def main(names: list[str]) -> int:
    """Run the suites; return 0 if all passed."""
    match names:
        case ["--corners"]:
            return run_all([*matrix(corners=True), FLOORS])
        case ["--full"]:
            return run_all([*suites(), *matrix(corners=False), FLOORS], "-m", "")
    known = suites()
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no such suite: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    return run_all([name for name in known if name in (names or known)])


def run_all(chosen: list[str], *words: str) -> int:
    """Run suites side by side, with these words for pytest, and say how each ended; return 0 if all passed."""
    results = []
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for ended in as_completed([pool.submit(run, name, words) for name in chosen]):
            result = ended.result()
            results.append(result)
            print(f"\n===== {result.name}\n{result.output.rstrip()}", flush=True)
    print("\n===== all suites")
    for result in sorted(results, key=lambda result: not result.passed):
        print(f"{result.name:<50}{result.seconds:6.0f} s  {result.verdict}")
    return int(not all(result.passed for result in results))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
