"""What a person sees after a first start and its trainings: the processes' logs, and Airflow's first page."""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlyard_training_pipeline.orchestration.client.airflow import Airflow

from .conftest import Followed, Stack

MOST_LINES = 80


def test_the_logs_can_be_read(followed: Followed) -> None:
    lines = followed.logs.splitlines()
    assert len(lines) < MOST_LINES, followed.logs
    assert not [line for line in lines if "http.access" in line or "cannot import" in line]


def test_what_tasks_do_stands_in_their_logs(followed: Followed, stack: Stack) -> None:
    (log,) = stack.settings.airflow_home.glob("logs/dag_id=houses/*/task_id=gate/attempt=1.log")
    assert "passed: there is no champion yet" in log.read_text()


def ask(stack: Stack, path: str, **parameters: str) -> Any:
    headers = Airflow.from_settings(stack.settings)._bearer()
    url = f"{stack.settings.airflow_url}{path}"
    answer = httpx.get(url, params=parameters, headers=headers, trust_env=False, timeout=20)
    return answer.raise_for_status().json()


def last_day(stack: Stack) -> tuple[dict[str, int], int]:
    """How many runs there were in each state, and how many tasks have succeeded."""
    now = datetime.now(UTC)
    day = {"start_date": (now - timedelta(days=1)).isoformat(), "end_date": now.isoformat()}
    counted = ask(stack, "/ui/dashboard/historical_metrics_data", **day)
    states = {state: count for state, count in counted["dag_run_states"].items() if count}
    return states, counted["task_instance_states"]["success"]


def test_every_run_is_dated_now_and_the_last_day_counts_their_success(followed: Followed, stack: Stack) -> None:
    now = datetime.now(UTC)
    runs = ask(stack, "/api/v2/dags/~/dagRuns")["dag_runs"]
    assert runs
    for run in runs:
        assert now - timedelta(hours=1) < datetime.fromisoformat(run["run_after"]) < now
    states, tasks = last_day(stack)
    assert states == {"success": len(runs)}
    assert tasks >= 5 * len(runs)


@contextmanager
def signed_in(stack: Stack) -> Iterator[str]:
    """The address of a proxy that signs in: `--dump-dom` takes no cookies."""
    token = Airflow.from_settings(stack.settings)._bearer()

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/shown":
                return self.send("text/html", SHOWN.encode())
            found = httpx.get(stack.settings.airflow_url + self.path, headers=token, trust_env=False, timeout=30)
            return self.send(found.headers.get("content-type", "text/plain"), found.content, found.status_code)

        def send(self, kind: str, body: bytes, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


SHOWN = """<!doctype html>
<iframe id="page" src="/" width="1400" height="1000"></iframe>
<script>
setInterval(() => {
  const badges = document.getElementById("page").contentDocument.querySelectorAll("[data-testid=state-badge]");
  document.title = [...badges].filter(badge => badge.checkVisibility()).map(badge => badge.textContent).join(" | ");
}, 100);
</script>
"""
"""A page that tells in its title which states the first page shows; what is hidden stands in its HTML too."""


def test_in_a_browser_the_first_page_shows_no_fault(followed: Followed, stack: Stack, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on this machine: its tests were left out")
    options = (
        "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-dev-shm-usage "
        "--window-size=1500,1100 --virtual-time-budget=20000 --dump-dom"
    )
    with signed_in(stack) as address:
        command = [chromium, *options.split(), f"--user-data-dir={tmp_path / 'profile'}", f"{address}/shown"]
        page = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True).stdout
    title = re.search("<title>(.*?)</title>", page)
    assert title is not None
    shown = title[1].split(" | ")
    assert [state for state in shown if state.isalpha() or " " in state] == [
        "MetaDatabase",
        "Scheduler",
        "Dag Processor",
    ]
    states, tasks = last_day(stack)
    assert {str(states["success"]), str(tasks)} <= set(shown), "runs and tasks that have succeeded"
