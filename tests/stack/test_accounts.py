"""Who may do what in the registry: the pipeline writes, the API reads, and nobody enters without an account."""

from collections.abc import Callable

import httpx
import pytest

from .registry import Mlflow
from .stack import Stack

WRITES: dict[str, tuple[str, str, dict[str, str]]] = {
    "create an experiment": ("POST", "mlflow/experiments/create", {"name": "not-for-readers"}),
    "create a run": ("POST", "mlflow/runs/create", {"experiment_id": "0"}),
    "create a model": ("POST", "mlflow/registered-models/create", {"name": "not-for-readers"}),
    "tag a model": ("POST", "mlflow/registered-models/set-tag", {"name": "penguins", "key": "a", "value": "b"}),
    "tag a version": (
        "POST",
        "mlflow/model-versions/set-tag",
        {"name": "penguins", "version": "1", "key": "a", "value": "b"},
    ),
    "create a version": ("POST", "mlflow/model-versions/create", {"name": "penguins", "source": "runs:/x/model"}),
    "move an alias": (
        "POST",
        "mlflow/registered-models/alias",
        {"name": "penguins", "alias": "champion", "version": "1"},
    ),
    "delete an alias": ("DELETE", "mlflow/registered-models/alias", {"name": "penguins", "alias": "champion"}),
    "delete a model": ("DELETE", "mlflow/registered-models/delete", {"name": "penguins"}),
    "store an artifact": ("PUT", "mlflow-artifacts/artifacts/0/x/artifacts/file.txt", {}),
    "create a user": ("POST", "mlflow/users/create", {"username": "mallory", "password": "a-long-password"}),
}


@pytest.fixture(scope="module")
def account(trained: Stack) -> Callable[[str], Mlflow]:
    """The registry under one of the services' accounts."""
    secrets = trained.secrets()
    return lambda user: Mlflow(trained.mlflow, user=user, password=secrets[f"mlflow_{user}_password"])


@pytest.mark.parametrize("what", WRITES)
def test_the_apis_account_may_not(account: Callable[[str], Mlflow], what: str) -> None:
    method, path, body = WRITES[what]
    answer = account("api").request(method, path, json=body)
    assert answer.status_code == 403, answer.text


def test_the_apis_account_may_read(account: Callable[[str], Mlflow]) -> None:
    assert account("api").versions("penguins")
    assert account("api").champion("penguins")


def test_the_pipelines_account_may_write_and_is_no_administrator(account: Callable[[str], Mlflow]) -> None:
    pipeline = account("pipeline")
    created = pipeline.request("POST", "mlflow/experiments/create", json={"name": "written-by-the-pipeline"})
    assert created.is_success, created.text
    method, path, body = WRITES["tag a version"]
    assert pipeline.request(method, path, json=body).is_success
    method, path, body = WRITES["create a user"]
    assert pipeline.request(method, path, json=body).status_code == 403


def test_nobody_enters_without_an_account(trained: Stack) -> None:
    for path in ("/", "/api/2.0/mlflow/experiments/search?max_results=1"):
        assert httpx.get(f"{trained.mlflow}{path}", timeout=10).status_code == 401
    assert httpx.get(f"{trained.airflow}/api/v2/dags", timeout=10).status_code == 401
    assert httpx.get(f"{trained.api}/models", timeout=10).status_code == 401
    wrong = httpx.post(f"{trained.airflow}/auth/token", json={"username": "admin", "password": "admin"}, timeout=30)
    assert wrong.status_code == 401
