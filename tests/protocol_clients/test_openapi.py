"""Requests that fit the API's OpenAPI document, and requests that do not, are answered as it says.

hatch run protocol-clients:openapi [EXAMPLES]     so many requests in all, 100 000 by default
"""

import os
import subprocess
import sys
from pathlib import Path

from .conftest import KEY, Api

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "200"))
"""In all."""
OPERATIONS = 28
HERE = Path(__file__).parent


def test_schemathesis_finds_no_failure(api: Api, tmp_path: Path) -> None:
    of_each = max(EXAMPLES // OPERATIONS, 1)
    phases = "examples,coverage,fuzzing,stateful" if EXAMPLES >= 10_000 else "examples,fuzzing"
    command: list[str | Path] = [
        *(Path(sys.executable).parent / "schemathesis", "run", f"http://{api.place}/openapi.json"),
        *(
            "--checks",
            "all",
            "--phases",
            phases,
            "--max-examples",
            str(of_each),
            "--header",
            f"Authorization: Bearer {KEY}",
        ),
        *("--generation-database", "none", "--no-color", "--request-timeout", "30"),
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": str(HERE)}
    log = tmp_path / "log"
    with log.open("w") as output:
        ended = subprocess.run(command, cwd=tmp_path, env=environment, stdout=output, stderr=output, check=False)
    lines = log.read_text().splitlines()
    sys.stdout.write("\n".join(line[:300] for line in lines[-20:]))
    assert ended.returncode == 0, "\n".join(line[:1000] for line in lines[:300])
    assert api.own.get("/health/live").status_code == 200
