"""Requests that fit the API's OpenAPI document, and requests that do not, are answered as it says.

hatch run protocol-clients:openapi [EXAMPLES]     so many requests at the least, 100 000 by default
"""

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

from .conftest import KEY, Api

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "200"))
"""In all."""
OPERATIONS = 24
"""Those whose requests can differ."""
MANY = 10_000
"""So many take every phase, and show whether the API's memory grows."""
GROWTH_MB = 50
"""More memory than the API may take after the first run: what it keeps of requests is bounded."""
HERE = Path(__file__).parent


def test_schemathesis_finds_no_failure(api: Api, tmp_path: Path) -> None:
    made, memory = 0, []
    # First a few, after which memory may not grow; then other seeds make the rest, which some operations do not have.
    for seed in count(1):
        few = 10 if seed == 1 and EXAMPLES >= MANY else 1
        report = schemathesis(api, tmp_path, seed=seed, of_each=max((EXAMPLES - made) // OPERATIONS // few, 1))
        made += report["test_cases"]["generated"]
        memory.append(api.memory_mb())
        sys.stdout.write(f"\n{made} requests; the last {report['running_time']:.0f} s; the API takes {memory[-1]} MB\n")
        sys.stdout.flush()
        if made >= EXAMPLES or EXAMPLES < MANY:
            break
    assert api.own.get("/health/live").status_code == 200
    assert memory[-1] - memory[0] < GROWTH_MB


def schemathesis(api: Api, folder: Path, *, seed: int, of_each: int) -> dict[str, Any]:
    """Run it once, without a failure; return its report."""
    report, log = folder / f"report-{seed}.json", folder / f"log-{seed}"
    command: list[str | Path] = [
        *(Path(sys.executable).parent / "schemathesis", "run", f"http://{api.place}/openapi.json"),
        *(
            "--checks",
            "all",
            "--phases",
            "examples,coverage,fuzzing,stateful" if EXAMPLES >= MANY else "examples,fuzzing",
        ),
        *("--max-examples", str(of_each), "--seed", str(seed)),
        *("--header", f"Authorization: Bearer {KEY}", "--request-timeout", "30"),
        *("--generation-database", "none", "--no-color", "--report", "json", "--report-json-path", report),
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": str(HERE)}
    with log.open("w") as output:
        ended = subprocess.run(command, cwd=folder, env=environment, stdout=output, stderr=output, check=False)
    lines = log.read_text().splitlines()
    sys.stdout.write("\n".join(line[:300] for line in lines[-20:]))
    assert ended.returncode == 0, "\n".join(line[:1000] for line in lines[:300])
    found: dict[str, Any] = json.loads(report.read_text())
    return found
