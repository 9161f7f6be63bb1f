import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from mlyard_mlflow_server.guards.pages import POLICY, own_pages
from mlyard_shared.views import VIEW, scores

from ..servers import Server
from .calls import Answered, Application, call

KIND = "custom_model_development"
PAGE = b"<!doctype html><html><head><title>MLflow</title></head></html>"


def get(path: str, app: Application, *, telemetry: bool = False, prefix: str = "") -> Answered:
    return asyncio.run(call(own_pages(app, telemetry=telemetry, prefix=prefix), "GET", path))


def html(**changed: int) -> Application:
    return Application(content_type="text/html; charset=utf-8", body=PAGE, **changed)


@pytest.mark.parametrize("path", ["/", "/signup", "/static-files/lib/notebook-trace-renderer/index.html"])
def test_every_page_may_send_to_its_own_server_alone(path: str) -> None:
    policy = get(path, html()).headers["content-security-policy"]
    directives = dict(directive.split(" ", 1) for directive in policy.split("; "))
    allowed = {"'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"}
    assert set(" ".join(directives.values()).split()) <= allowed
    assert {"default-src", "connect-src", "form-action", "base-uri"} <= set(directives)


def test_what_is_not_a_page_is_left_as_it_is() -> None:
    answered = get("/", Application())
    assert (answered.body, answered.headers) == (b"{}", {"content-type": "application/json"})


def test_the_start_page_loads_our_script_before_its_own() -> None:
    answered = get("/", html())
    assert answered.body == PAGE.replace(b"<title>", b'<script src="./static-files/mlyard.js"></script><title>')
    assert answered.headers["content-length"] == str(len(answered.body))
    assert get("/signup", html()).body == PAGE
    assert get("/", html(status=401)).body == PAGE


def test_under_a_prefix_the_paths_are_below_it() -> None:
    assert b"mlyard.js" in get("/mlflow/", html(), prefix="/mlflow").body
    assert b"localStorage" in get("/mlflow/static-files/mlyard.js", html(), prefix="/mlflow").body


def choices(script: bytes) -> dict[str, object]:
    stored = re.search(r"Object.entries\((\{.*?\})\)", script.decode())
    assert stored
    return {name: json.loads(value) for name, value in json.loads(stored[1]).items()}


def test_the_script_sets_what_nobody_has_chosen() -> None:
    answered = get("/static-files/mlyard.js", Application())
    assert answered.headers["content-type"] == "text/javascript"
    assert choices(answered.body)["mlflow.workflowType_v1"] == "machine_learning"
    assert choices(answered.body)["mlflow.settings.telemetry.enabled_v1"] is False


def test_a_server_that_sends_telemetry_says_so() -> None:
    script = get("/static-files/mlyard.js", Application(), telemetry=True).body
    assert not [name for name in choices(script) if "telemetry" in name]


@pytest.mark.parametrize("path", ["message", "config", "providers", "sessions/1/stream"])
def test_the_assistant_is_off(path: str) -> None:
    app = Application()
    assert get(f"/ajax-api/3.0/mlflow/assistant/{path}", app).error["error_code"] == "FEATURE_DISABLED"
    assert app.asked == []


def test_a_real_page_is_mlflows_with_our_script(server: Server) -> None:
    page = server.request("GET", "/")
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"] == POLICY
    assert page.text.count("mlyard.js") == 1
    assert page.text.index("mlyard.js") < page.text.index("/static/js/main.")
    script = server.request("GET", "/static-files/mlyard.js")
    assert script.headers["Content-Type"] == "text/javascript"
    # A browser that holds MLflow's own page asks whether it has changed.
    again = server.request("GET", "/", headers={"If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"})
    assert again.status_code == 200
    assert server.request("POST", "/ajax-api/3.0/mlflow/assistant/message", json={}).status_code == 404


def test_the_choices_are_those_of_the_installed_mlflow() -> None:
    found = find_spec("mlflow")
    assert found is not None
    assert found.submodule_search_locations
    scripts = Path(found.submodule_search_locations[0], "server", "js", "build", "static", "js").glob("*.js")
    bundle = "".join(script.read_text() for script in scripts)
    for name in choices(get("/static-files/mlyard.js", Application()).body):
        key, version = name.rsplit("_v", 1)
        assert version == "1"
        assert f'"{key}"' in bundle, key
    assert 'MACHINE_LEARNING="machine_learning"' in bundle
    assert '"data-assistant-ui":"true"' in bundle


@pytest.fixture(scope="module")
def browser(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[str, Path]]:
    """What a new browser shows of a page, and where it has noted every address that it asked for."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on this machine: its tests were left out")
    options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    options += (
        "--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1600,1000 "
        "--virtual-time-budget=20000 --dump-dom"
    )

    def shown(page: str) -> tuple[str, Path]:
        folder = tmp_path_factory.mktemp("browser")
        net_log = folder / "net.json"
        command = [chromium, *options.split(), f"--user-data-dir={folder / 'profile'}", f"--log-net-log={net_log}"]
        done = subprocess.run(
            [*command, f"http://localhost:{server.port}/{page}"],
            capture_output=True,
            text=True,
            timeout=180,
            check=True,
        )
        return done.stdout, net_log

    return shown


@pytest.fixture(scope="module")
def seen(browser: Callable[[str], tuple[str, Path]]) -> tuple[str, list[str]]:
    """What a new browser shows of the start page, and every address that the page asked for."""
    page, net_log = browser("")
    # A browser asks for things of its own too, such as the time: those have no page that began them.
    told = [event.get("params", {}) for event in json.loads(net_log.read_text())["events"]]
    asked = [one for one in told if "url" in one and one.get("initiator", "not an origin") != "not an origin"]
    return page, [one["url"] for one in asked]


def test_in_a_browser_it_opens_on_model_training_without_assistant_and_note(seen: tuple[str, list[str]]) -> None:
    page, _ = seen
    assert "Welcome to MLflow" in page
    assert "Model registry" in page  # the sidebar of model training has it, and neither prompts nor a gateway
    assert ">Prompts<" not in re.sub(r"<section.*?</section>", "", page, flags=re.DOTALL)
    assert "MLflow Assistant" not in re.sub(r"<div data-assistant-ui.*", "", page)
    assert "usage data" not in page


def test_in_a_browser_it_asks_its_own_server_alone(server: Server, seen: tuple[str, list[str]]) -> None:
    _, addresses = seen
    own = f"http://localhost:{server.port}/"
    assert [address for address in addresses if address.startswith(own)]
    assert not [address for address in addresses if not address.startswith(own)]
    assert not [address for address in addresses if "telemetry" in address.lower()]


def test_in_a_browser_a_list_of_runs_shows_the_scores_that_its_experiment_names(
    server: Server, browser: Callable[[str], tuple[str, Path]]
) -> None:
    def post(path: str, **body: object) -> Any:
        return server.request("POST", f"/api/2.0/mlflow/{path}", json=body).json()

    tags = [{"key": VIEW, "value": scores("holdout_rmse")}, {"key": "mlflow.experimentKind", "value": KIND}]
    experiment = post("experiments/create", name="shown", tags=tags)["experiment_id"]
    run = post("runs/create", experiment_id=experiment, run_name="houses 2026-11-26 · ridge", start_time=1)
    post("runs/log-metric", run_id=run["run"]["info"]["run_id"], key="holdout_rmse", value=17.2512, timestamp=1)
    post("runs/log-metric", run_id=run["run"]["info"]["run_id"], key="holdout_mae", value=11.7534, timestamp=1)
    page, _ = browser(f"#/experiments/{experiment}/runs")
    post("experiments/delete", experiment_id=experiment)
    assert "houses 2026-11-26 · ridge" in page
    assert "17.2512" in page
    assert "11.7534" not in page
