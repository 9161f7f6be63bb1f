"""From nothing to a prediction, with one command."""

import re
import time

import httpx
import pytest
from waiting import wait_until

from .airflow import Airflow
from .conftest import Figures
from .docker import docker
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
    assert set(networks) == {"airflow_network bridge", *databases}


def test_a_database_is_reached_by_its_own_service_only(trained: Stack) -> None:
    services = trained.configuration()["services"]
    members = {
        network: {name for name, service in services.items() if network in service.get("networks", {})}
        for network in ("mlflow_db", "airflow_db")
    }
    assert members["mlflow_db"] == {"mlflow-db", "mlflow"}
    parts = {"airflow-init", "airflow", "airflow-scheduler", "airflow-dag-processor"}
    assert members["airflow_db"] == {"airflow-db", *parts}
