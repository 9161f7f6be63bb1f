"""Is one of Airflow's processes healthy? Airflow's own command for that takes seconds and 136 MB.

A container asks every few seconds and pays for each import, so only the standard library is imported here, and the
database's driver where the process has no port to ask at.
"""

import json
import os
import select
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlyard_shared.errors import MlyardError

PREFIX = "MLYARD_TRAINING_PIPELINE_"
EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with: where such a server is reached from here

SECONDS = 4
"""For an answer."""

LARGEST = 1 << 20
"""Bytes of an answer."""

LEAST_FREE = 1 << 20
"""Bytes on the disk of the state."""

STALE_SECONDS = 30
"""Processes that have no port write a heartbeat into the database every 5 seconds."""

HEARTBEAT = "SELECT latest_heartbeat FROM job WHERE job_type = '{}' AND state = 'running' ORDER BY id DESC LIMIT 1"


Check = Callable[[Mapping[str, str], float], str]
"""Takes an environment, and how many seconds old a heartbeat may be."""


class Unhealthy(MlyardError):
    """The process does not answer, or does not work."""


def check(process: str | None, environment: Mapping[str, str]) -> str:
    """Return a sentence on a healthy process; by default on the one that is the container's first.

    Raises:
        Unhealthy: it is not, and why.
    """
    first = _first_process()
    process = process or first
    if process is None:
        return "the first process here is not one of Airflow's"
    # A heartbeat from before the start says nothing about the process that runs now.
    return CHECKS[process](environment, min(STALE_SECONDS, _age()) if process == first else STALE_SECONDS)


def _first_process() -> str | None:
    """Return which of Airflow's processes a container was started for, from the first one's command line or title."""
    try:
        command = Path("/proc/1/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    words = command.replace("\0", " ").replace("api_server", "api-server").split()
    if not words:
        raise Unhealthy("the container's first process is just being started")
    return next((process for process in CHECKS if process in words), None)


def _age() -> float:
    """Return for how many seconds the first process has run. Source: proc(5), field 22 of /proc/pid/stat."""
    ticks = int(Path("/proc/1/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    return float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


def _api_server(environment: Mapping[str, str], _fresh: float) -> str:
    host, port = _address(environment)
    # It asks the database, and answers 200 whatever that says.
    found = _get(host, port, "/api/v2/monitor/health").get("metadatabase")
    if not isinstance(found, dict) or found.get("status") != "healthy":
        raise Unhealthy(f"Airflow's API server at {host}:{port} cannot use its database: its log says why")
    return f"Airflow answers at {host}:{port}, and its database to it"


def _by_heartbeat(job: str) -> Check:
    def judge(environment: Mapping[str, str], fresh: float) -> str:
        _check_disk(environment)
        last = _last_heartbeat(job, environment)
        age = (datetime.now(UTC) - last).total_seconds() if last else None
        if age is None or age > fresh:
            when = (
                f"the last one came at {last.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if last else "there never was one"
            )
            raise Unhealthy(f"no heartbeat of a {job} in Airflow's database for {fresh:.0f} s; {when}")
        return f"the last heartbeat of a {job} came {max(age, 0):.0f} s ago"

    return judge


CHECKS: dict[str, Check] = {
    "api-server": _api_server,
    "scheduler": _by_heartbeat("SchedulerJob"),
    "dag-processor": _by_heartbeat("DagProcessorJob"),
    "triggerer": _by_heartbeat("TriggererJob"),
}
"""How each of Airflow's processes is asked."""


def _address(environment: Mapping[str, str]) -> tuple[str, int]:
    host, port = environment.get(f"{PREFIX}HOST", "127.0.0.1"), environment.get(f"{PREFIX}PORT", "8080")
    if not port.isdecimal():
        raise Unhealthy(f"{PREFIX}PORT must be a number")
    return EVERY_INTERFACE.get(host, host), int(port)


def _get(host: str, port: int, path: str) -> dict[str, Any]:
    """GET a JSON object. HTTP/1.0 by hand, since the library for it costs more than the whole check."""
    deadline = time.monotonic() + SECONDS
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            head, _, body = _read(connection, until=deadline).partition(b"\r\n\r\n")
    except TimeoutError:
        raise Unhealthy(
            f"Airflow's API server at {host}:{port} has not answered for {SECONDS} s: see whether its database does"
        ) from None
    except OSError as error:
        raise Unhealthy(f"no API server answers at {host}:{port} ({error})") from None
    status = head.split(b" ", 2)[1:2]
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if status != [b"200"] or not isinstance(found, dict):
        raise Unhealthy(f"what answers at {host}:{port} is not Airflow's API server, or does not work")
    return found


def _read(connection: socket.socket, *, until: float) -> bytes:
    answer = b""
    while True:
        connection.settimeout(max(0.001, until - time.monotonic()))
        part = connection.recv(65536)
        answer += part
        if not part or len(answer) > LARGEST:
            return answer


def _last_heartbeat(job: str, environment: Mapping[str, str]) -> datetime | None:
    uri = _database(environment)
    query = HEARTBEAT.format(job)
    try:
        if uri.startswith(("postgres", "pgsql")):
            return _ask_server(f"postgresql://{uri.partition('://')[2]}", query)
        import sqlite3

        with closing(sqlite3.connect(f"file:{uri.partition(':///')[2]}?mode=ro", uri=True, timeout=SECONDS)) as file:
            row = file.execute(query).fetchone()
            return datetime.fromisoformat(row[0]).replace(tzinfo=UTC) if row else None
    # Each driver has a tree of its own.
    except Exception as error:  # noqa: BLE001
        raise Unhealthy(f"Airflow's database does not answer ({str(error).strip().splitlines()[0]})") from None


def _ask_server(uri: str, query: str) -> datetime | None:
    """Ask PostgreSQL, for some seconds: its driver has no limit for a server that is frozen after it was reached."""
    import psycopg2
    from psycopg2.extensions import POLL_OK, POLL_READ, set_wait_callback

    deadline = time.monotonic() + SECONDS

    def wait(connection: Any) -> None:
        while (state := connection.poll()) != POLL_OK:
            ends = ([connection], []) if state == POLL_READ else ([], [connection])
            if not any(select.select(*ends, [], max(0.0, deadline - time.monotonic()))):
                raise TimeoutError(f"no answer for {SECONDS} s")

    set_wait_callback(wait)
    try:
        with closing(psycopg2.connect(uri)) as server:
            cursor = server.cursor()
            cursor.execute(query)
            row = cursor.fetchone()
            return row[0] if row else None
    finally:
        set_wait_callback(None)


def _check_disk(environment: Mapping[str, str]) -> None:
    """Without room for the logs of tasks none can begin, whatever the heartbeat says."""
    from mlyard_shared.storage import full_disk

    if fault := full_disk(_state(environment), least=LEAST_FREE):
        raise Unhealthy(fault.sentence(setting=f"{PREFIX}STATE"))


def _state(environment: Mapping[str, str]) -> Path:
    return Path(environment.get(f"{PREFIX}STATE", ".mlyard/training_pipeline")).absolute()


def _database(environment: Mapping[str, str]) -> str:
    """Read what `Settings.airflow_database` reads."""
    if given := environment.get(f"{PREFIX}DATABASE_URI"):
        return given.strip()
    secret = Path(environment.get(f"{PREFIX}SECRETS_DIR") or os.devnull, "database_uri")
    if secret.is_file():
        return secret.read_text().strip()
    return f"sqlite:///{_state(environment)}/airflow/airflow.db"
