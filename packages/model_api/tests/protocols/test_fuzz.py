"""A small form of `hatch run model-api:fuzz`, with new bodies each day."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

DEVELOPMENT = Path(__file__).parents[2] / "development"
KINDS = {"json": 10_000, "v2": 6_000, "mlflow": 3_000, "csv": 5_000, "arrow": 3_000, "parquet": 1_500}
SHARE = pytest.mark.parametrize(
    "share", [pytest.param(5, id="some"), pytest.param(1, id="all", marks=pytest.mark.long)]
)


@SHARE
@pytest.mark.parametrize("kind", KINDS)
def test_random_bodies_are_read_alike_in_every_way(kind: str, share: int) -> None:
    seed = f"{datetime.now(UTC):%Y-%m-%d}"
    command = [sys.executable, "-m", "fuzzing", "--kinds", kind, "--bodies", str(KINDS[kind] // share), "--seed", seed]
    environment = os.environ | {"PYTHONPATH": str(DEVELOPMENT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "all alike" in done.stdout
