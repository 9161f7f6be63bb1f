"""From nothing to a prediction, with one command."""

import os
import re
import time
from collections import Counter

import httpx
import pytest
from waiting import wait_until

from .airflow import Airflow
from .conftest import DEAD_PROXY, Figures
from .docker import docker, run
from .registry import Mlflow
from .stack import LASTING, Stack

pytestmark = pytest.mark.first


def test_up_on_empty_volumes_ends_with_a_prediction(images: dict[str, str], stack: Stack, figures: Figures) -> None:
    started = stack.started
    wait_until(stack.is_serving, seconds=300, what="a prediction")
    figures.note(
        f"`up` with built images and empty volumes to the first prediction: {time.monotonic() - started:.0f} s"
    )
    stack.wait_for_ensure()
    figures.note(f"... until both examples are trained: {time.monotonic() - started:.0f} s")


def test_the_first_up_ends_with_what_a_person_needs_and_its_log_can_be_read(stack: Stack, figures: Figures) -> None:
    last = f"The model API is ready: {stack.api}"
    wait_until(lambda: last in stack.terminal.read_text(), seconds=120, what="the end of ensure")
    lines = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line) for line in stack.terminal.read_text().splitlines()]
    began = next(n for n, line in enumerate(lines) if line.startswith("Attaching to"))
    logged = lines[began + 1 :]
    services = Counter(line.split("|")[0].strip() for line in logged if "|" in line)
    figures.note(
        f"the first `up` showed {len(lines)} lines, of its services {sum(services.values())}: {dict(services)}"
    )
    shown = [line.partition("|")[2].strip() for line in logged if line.startswith("ensure-1")]
    text = "\n".join(shown)
    for address in (f"{stack.api}/docs", stack.airflow, stack.mlflow, f"-p {stack.project} run --rm secrets show"):
        assert address in text
    assert [line for line in shown if line][-1] == last
    command = next(line for line in shown if line.startswith("curl "))
    assert stack.login.api not in command
    answered = run("bash", "-euo", "pipefail", "-c", command, env={"PATH": os.environ["PATH"]}).stdout
    assert '"predictions"' in answered, answered
    assert sum(services.values()) < 250, services


def test_up_in_the_background_ends_with_0_and_may_be_repeated(trained: Stack) -> None:
    for _ in range(2):
        trained.compose("up", "--detach", "--wait")
    assert trained.is_healthy(*LASTING)


def test_no_service_asks_another_through_the_proxy_of_dockers_configuration(trained: Stack) -> None:
    for service in ("mlflow", "airflow-scheduler", "model-api"):
        environment = trained.compose("exec", "-T", service, "env").splitlines()
        assert f"HTTP_PROXY={DEAD_PROXY}" in environment, "what is outside is reached through it"
    assert trained.is_serving(), "and all that was trained was trained beside it"


def test_every_example_is_served(trained: Stack) -> None:
    wait_until(lambda: trained.is_serving("diabetes"), seconds=20, what="the second example served")
    served = httpx.get(f"{trained.api}/models", headers=trained.bearer, timeout=10).json()
    assert {model["name"] for model in served["models"]} == {"penguins", "diabetes"}


def test_every_lasting_service_is_healthy(trained: Stack) -> None:
    assert trained.is_healthy(*LASTING)
    ended = set(trained.containers()) - set(LASTING)
    assert ended == {"secrets", "airflow-init", "ensure"}
    assert {trained.state(service)["ExitCode"] for service in ended} == {0}


def test_the_three_pages_answer_at_their_ports(trained: Stack, airflow: Airflow, mlflow: Mlflow) -> None:
    assert httpx.get(f"{trained.api}/docs", timeout=10).is_success
    assert "<title>" in httpx.get(f"{trained.airflow}/", timeout=30, follow_redirects=True).text
    assert {"penguins", "diabetes"} <= airflow.dags()
    page = httpx.get(f"{trained.mlflow}/", auth=("admin", trained.login.mlflow), timeout=10)
    assert "MLflow" in page.text
    assert mlflow.champion("penguins") == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_person_logs_in_to_airflow_by_its_page(trained: Stack, host: str) -> None:
    with httpx.Client(base_url=trained.airflow.replace("127.0.0.1", host), timeout=30) as browser:
        page = browser.get("/auth/login/").text
        token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0]
        form = {"username": "admin", "password": trained.login.airflow, "csrf_token": token}
        answer = browser.post("/auth/login/", data=form)
        assert answer.status_code == 302
        assert "airflow:8080" not in answer.headers["Location"], "people do not know the parts' name for it"
        assert browser.get(answer.headers["Location"], follow_redirects=True).is_success
        assert browser.get("/ui/auth/me").json()["username"] == "admin"


def test_the_network_and_the_volumes_have_their_names(trained: Stack) -> None:
    label = f"label=com.docker.compose.project={trained.project}"
    volumes = docker("volume", "ls", "--quiet", "--filter", label).split()
    names = {"airflow_db", "mlflow_db", "mlflow_data", "airflow_state", "model_api_cache", "secrets"}
    assert set(volumes) == {f"{trained.project}_{name}" for name in names}
    networks = docker("network", "ls", "--format", "{{.Name}} {{.Driver}}", "--filter", label).splitlines()
    databases = {f"{trained.project}_{name} bridge" for name in ("airflow_db", "mlflow_db")}
    assert set(networks) == {f"{trained.project}_airflow_network bridge", *databases}


def test_a_database_is_reached_by_its_own_service_only(trained: Stack) -> None:
    services = trained.configuration()["services"]
    members = {
        network: {name for name, service in services.items() if network in service.get("networks", {})}
        for network in ("mlflow_db", "airflow_db")
    }
    assert members["mlflow_db"] == {"mlflow-db", "mlflow"}
    parts = {"airflow-init", "airflow", "airflow-scheduler", "airflow-dag-processor"}
    assert members["airflow_db"] == {"airflow-db", *parts}
