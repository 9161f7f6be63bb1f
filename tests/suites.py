"""Run every package's tests, each in its own environment and as many at once as there are processors.

    python tests/suites.py [NAME ...]     NAME is a Hatch environment; by default all with tests

What a suite prints is shown when it ends, so that the suites' lines do not mix.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

SUITES = ("mlflow-server", "training-pipeline", "contract", "local", "model-api", "shared")
"""The longest first, so that none is left to run alone at the end."""


@dataclass(frozen=True)
class Result:
    """How a suite ended."""

    name: str
    code: int
    seconds: float
    output: str


def run(name: str) -> Result:
    """Run one suite in its environment, which Hatch makes where it is missing."""
    started = time.monotonic()
    ended = subprocess.run(
        ["hatch", "run", f"{name}:test"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return Result(name, ended.returncode, time.monotonic() - started, ended.stdout)


def main(names: list[str]) -> int:
    """Run the suites; return 0 if all passed."""
    unknown = sorted(set(names) - set(SUITES))
    if unknown:
        print(f"no such suite: {', '.join(unknown)}; there are {', '.join(SUITES)}", file=sys.stderr)
        return 2
    chosen = [name for name in SUITES if name in (names or SUITES)]
    results = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for ended in as_completed([pool.submit(run, name) for name in chosen]):
            result = ended.result()
            results.append(result)
            print(f"\n===== {result.name}\n{result.output.rstrip()}", flush=True)
    print("\n===== all suites")
    for result in sorted(results, key=lambda result: result.code != 0):
        print(f"{result.name:<20}{'passed' if result.code == 0 else 'FAILED':<8}{result.seconds:6.0f} s")
    return int(any(result.code for result in results))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
