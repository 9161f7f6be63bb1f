"""What it takes to score a large table, with the process killed in the middle, and whether each row is there once.

    hatch run bench-scoring [--rows ROWS] [--csv] [--postgresql URL]

The table is that of `size.py`: ten columns of flights, numbers, texts and times. A champion is trained on its first
100 000 rows, in an MLflow store on SQLite, and scores all of them into a Parquet file and a SQLite table, and into a
table of the database at the URL where one is given. Each job is killed by SIGKILL when two fifths of its chunks are
there, and run again by the same command. For 10 000 000 rows two gigabytes are needed below TMPDIR.
"""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from size import _SPEC, write_table  # type: ignore[import-not-found]

TRAINED, CHUNK = 100_000, 100_000
PREFIX = "MLYARD_TRAINING_PIPELINE_"


class Process(NamedTuple):
    """What one process took: seconds of the clock and of processors, megabytes at most, and how it ended."""

    seconds: float
    processor: float
    megabytes: float
    code: int
    said: str


def train(folder: Path, environment: dict[str, str]) -> None:
    """Train the champion on the first rows."""
    write_table(folder / "train.parquet", TRAINED)
    (folder / "flights.toml").write_text(_SPEC.format(file="train.parquet"))
    print(run(["run", "flights.toml"], folder, environment).said.splitlines()[-1], flush=True)


def run(
    arguments: list[str], folder: Path, environment: dict[str, str], *, until: Callable[[], bool] | None = None
) -> Process:
    """Run a command to its end, or kill it once something is so."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "mlyard_training_pipeline", *arguments]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        found, most = 0, 0.0
        while not found:
            # What `wait4` tells is at least what this process had when it started the other.
            most = max(most, megabytes(process.pid))
            if until is not None and until():
                os.kill(process.pid, signal.SIGKILL)
                until = None
            time.sleep(0.05)
            found, status, used = os.wait4(process.pid, os.WNOHANG)
        code = process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    return Process(time.monotonic() - begun, used.ru_utime + used.ru_stime, most, code, text)


def megabytes(process: int) -> float:
    """The most memory that a process has had."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0


def parts(folder: Path) -> int:
    """How many chunks of the file there are."""
    return len(list(folder.glob(".scores.parquet.scoring/part-*.parquet")))


def committed(ask: Callable[[str], Any]) -> int:
    """How many chunks of a table there are."""
    with contextlib.suppress(Exception):  # the table is not there yet, or busy
        return int(ask("SELECT max(chunks) FROM mlyard_scoring")[0] or 0)
    return 0


def twice(name: str, output: str, table: Path, rows: int, environment: dict[str, str], done: Callable[[], int]) -> None:
    """Score a table by two processes, of which the first is killed."""
    folder = table.parent
    command = ["score", "flights", "--input", table.name, "--output", output]
    wanted = max(1, rows // CHUNK * 2 // 5)
    for process in (
        run(command, folder, environment, until=lambda: done() >= wanted),
        run(command, folder, environment),
    ):
        print(
            f"{name}: exit {process.code}, {process.seconds:.0f} s, {process.processor:.0f} s of processors, at most "
            f"{process.megabytes:.0f} MB; {' | '.join(process.said.splitlines())}",
            flush=True,
        )


def check(name: str, rows: int, *, found: int, distinct: int, first: int, last: int, jobs: int) -> None:
    """Say whether each row is there once."""
    right = (found, distinct, first, last, jobs) == (rows, rows, 0, rows - 1, 1)
    print(
        f"{name}: {found} rows, {distinct} distinct ids from {first} to {last}, {jobs} time: "
        f"{'ok' if right else 'WRONG'}"
    )


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--csv", action="store_true")
    parser.add_argument("--postgresql", metavar="URL")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "warehouse.db").touch()
        store = f"sqlite:///{folder / 'mlflow.db'}"
        environment = {
            **os.environ,
            f"{PREFIX}REGISTRY_URI": store,
            "MLFLOW_TRACKING_URI": store,
            f"{PREFIX}CONNECTIONS__FILE": f"sqlite:///{folder / 'warehouse.db'}",
            **({f"{PREFIX}CONNECTIONS__SERVER": asked.postgresql} if asked.postgresql else {}),
        }
        train(folder, environment)
        table = folder / f"flights.{'csv' if asked.csv else 'parquet'}"
        write_table(table, asked.rows)
        print(f"{asked.rows} rows, {table.stat().st_size / 1e6:.0f} MB of {table.suffix}", flush=True)
        score_all(table, asked.rows, environment, asked.postgresql)


def score_all(table: Path, rows: int, environment: dict[str, str], postgresql: str | None) -> None:
    """Score a table into each kind of output."""
    import pyarrow.compute as pc
    from pyarrow import parquet

    folder = table.parent
    twice("parquet", "scores.parquet", table, rows, environment, lambda: parts(folder))
    scores = parquet.read_table(folder / "scores.parquet", columns=["flight", "scored_at"])
    bounds = pc.min_max(scores["flight"].cast("int64")).as_py()
    distinct, jobs = (pc.count_distinct(scores[column]).as_py() for column in ("flight", "scored_at"))
    check("parquet", rows, found=scores.num_rows, distinct=distinct, first=bounds["min"], last=bounds["max"], jobs=jobs)
    counts = (
        "SELECT count(*), count(DISTINCT flight), min(CAST(flight AS BIGINT)), max(CAST(flight AS BIGINT)), "
        "count(DISTINCT scored_at) FROM scores"
    )
    databases = {"sqlite": ("file", environment[f"{PREFIX}CONNECTIONS__FILE"])}
    if postgresql:
        databases["postgresql"] = ("server", postgresql)
    for name, (connection, url) in databases.items():
        ask = partial(answer, url)
        twice(name, f"{connection}.scores", table, rows, environment, partial(committed, ask))
        found, distinct, first, last, jobs = ask(counts)
        check(name, rows, found=found, distinct=distinct, first=first, last=last, jobs=jobs)


def answer(url: str, query: str) -> Any:
    """The first row of a query over a database."""
    import sqlalchemy
    from mlyard_training_pipeline.database_url import with_installed_driver

    engine = sqlalchemy.create_engine(with_installed_driver(url), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        return connection.exec_driver_sql(query).fetchone()


if __name__ == "__main__":
    main()
