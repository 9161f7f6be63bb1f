"""Who may do what on a real server with sign-in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient
from mlyard_shared.errors import RegistryDenied
from mlyard_shared.registry.client import Registry
from mlyard_shared.registry.version import DIGEST_TAG

from .servers import PASSWORDS, Server

CURRENT = "/api/2.0/mlflow/users/current"


@contextmanager
def account(name: str) -> Iterator[None]:
    """Let MLflow's client sign in as this account."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", name)
        patch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORDS[f"{name}_password"])
        yield


@pytest.fixture(scope="module")
def client(signed_in: Server) -> MlflowClient:
    return MlflowClient(signed_in.url, signed_in.url)


@pytest.fixture(scope="module")
def run_id(client: MlflowClient) -> str:
    """A run of the administrator's, and a model of which version 1 is the champion."""
    with account("admin"):
        run = client.create_run(client.create_experiment("theirs"))
        client.log_text(run.info.run_id, "kept", "model/note.txt")
        client.create_registered_model("theirs")
        source = f"{run.info.artifact_uri}/model"
        client.create_model_version("theirs", source, run.info.run_id, tags={DIGEST_TAG: "0" * 64})
        client.set_registered_model_alias("theirs", "champion", "1")
    return str(run.info.run_id)


def test_the_pipeline_writes_what_another_account_made(client: MlflowClient, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("a model")
    with account("pipeline"):
        client.set_tag(run_id, "seen", "yes")
        client.log_metric(run_id, "score", 1)
        client.log_text(run_id, "more", "more.txt")
        experiment = client.get_run(run_id).info.experiment_id
        logged = client.create_logged_model(experiment, name="logged", source_run_id=run_id)
        client.log_model_artifacts(logged.model_id, str(tmp_path))
        client.finalize_logged_model(logged.model_id, "READY")
        version = client.create_model_version("theirs", f"models:/{logged.model_id}", run_id, model_id=logged.model_id)
        client.set_model_version_tag("theirs", version.version, "key", "value")
        client.set_registered_model_tag("theirs", "key", "value")
        client.set_registered_model_alias("theirs", "challenger", version.version)
        client.delete_registered_model_alias("theirs", "challenger")
        client.delete_model_version("theirs", version.version)
        client.delete_logged_model(logged.model_id)
        client.set_experiment_tag(experiment, "key", "value")
        client.delete_run(run_id)
        client.restore_run(run_id)
        client.register_prompt("a-prompt", "{{question}}")


def test_the_pipeline_is_not_an_administrator(signed_in: Server) -> None:
    body = {"username": "mallory", "password": "a-long-password"}
    assert signed_in.request("POST", "/api/2.0/mlflow/users/create", account="pipeline", json=body).status_code == 403
    own = {"username": "pipeline", "is_admin": True}
    assert (
        signed_in.request("PATCH", "/api/2.0/mlflow/users/update-admin", account="pipeline", json=own).status_code
        == 403
    )


@pytest.mark.usefixtures("run_id")
def test_the_reader_does_what_the_model_api_does(signed_in: Server, tmp_path: Path) -> None:
    with account("api"):
        registry = Registry(signed_in.url)
        assert registry.served_models() == ("theirs",)
        assert registry.find("theirs", "previous") is None
        champion = registry.find("theirs", "champion")
        assert champion == registry.version("theirs", 1)
        registry.download(champion, tmp_path)
    assert [file.read_text() for file in tmp_path.rglob("note.txt")] == ["kept"]


def test_a_wrong_password_is_told_as_such(signed_in: Server) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", "mistyped")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", "a-wrong-password")
        with pytest.raises(RegistryDenied, match="does not know this account"):
            Registry(signed_in.url).served_models()


ALIAS = {"name": "theirs", "alias": "champion"}
WRITES = {
    "create-an-experiment": ("POST", "/api/2.0/mlflow/experiments/create", {"name": "not-for-readers"}),
    "create-a-run": ("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}),
    "create-a-model": ("POST", "/api/2.0/mlflow/registered-models/create", {"name": "not-for-readers"}),
    "tag-a-model": ("POST", "/api/2.0/mlflow/registered-models/set-tag", {"name": "theirs", "key": "k", "value": "v"}),
    "delete-a-model": ("DELETE", "/api/2.0/mlflow/registered-models/delete", {"name": "theirs"}),
    "rename-a-model": ("POST", "/api/2.0/mlflow/registered-models/rename", {"name": "theirs", "new_name": "ours"}),
    "create-a-version": ("POST", "/api/2.0/mlflow/model-versions/create", {"name": "theirs", "source": "runs:/x/m"}),
    "set-an-alias": ("POST", "/api/2.0/mlflow/registered-models/alias", {**ALIAS, "version": "1"}),
    "delete-an-alias": ("DELETE", "/api/2.0/mlflow/registered-models/alias", ALIAS),
    "store-an-artifact": ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/x/artifacts/note.txt", {}),
    "delete-an-artifact": ("DELETE", "/api/2.0/mlflow-artifacts/artifacts/1/x/artifacts/note.txt", None),
    "as-the-page-does": ("POST", "/ajax-api/2.0/mlflow/experiments/create", {"name": "not-for-readers"}),
    "graphql": ("POST", "/graphql", {"query": '{ test(inputString: "a") { output } }'}),
    "create-a-webhook": ("POST", "/api/2.0/mlflow/webhooks", {"name": "a", "url": "https://example.com"}),
    "create-a-user": ("POST", "/api/2.0/mlflow/users/create", {"username": "m", "password": "a-long-password"}),
    "change-a-password": (
        "PATCH",
        "/api/2.0/mlflow/users/update-password",
        {"username": "api", "password": "a-new-one-12"},
    ),
}


@pytest.mark.usefixtures("run_id")
@pytest.mark.parametrize(("method", "path", "body"), WRITES.values(), ids=WRITES)
def test_the_reader_may_not(method: str, path: str, body: dict[str, str] | None, signed_in: Server) -> None:
    answer = signed_in.request(method, path, account="api", json=body)
    assert answer.status_code == 403
    assert answer.json()["error_code"] == "PERMISSION_DENIED"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/api/2.0/mlflow/experiments/search?max_results=1"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts?path=1"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/1/x/artifacts/note.txt"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/x/artifacts/note.txt"),
        ("POST", "/graphql"),
        ("POST", "/api/2.0/mlflow/users/create"),
    ],
)
def test_nobody_enters_without_an_account(method: str, path: str, signed_in: Server) -> None:
    assert signed_in.request(method, path).status_code == 401
    # An account each: the second wrong password of one would wait longer.
    wrong = httpx.request(
        method, f"{signed_in.url}{path}", auth=(f"nobody-{method}-{path}", "password1234"), timeout=30
    )
    assert wrong.status_code == 401


def test_health_and_the_servers_abilities_are_public(signed_in: Server) -> None:
    assert signed_in.request("GET", "/health").status_code == 200
    assert signed_in.request("GET", "/health/ready").status_code == 200
    assert signed_in.request("GET", "/api/3.0/mlflow/server-info").status_code == 200


@pytest.mark.usefixtures("run_id")
def test_no_file_with_the_databases_uri_is_left(signed_in: Server) -> None:
    assert list((signed_in.folder / "tmp").rglob("*.ini")) == []
    assert list(signed_in.folder.glob("*.db")) == []


def test_the_names_that_this_package_takes_from_mlflow_are_there(signed_in: Server) -> None:
    """MLflow's own check of a password is private: this server would not have started without it."""
    assert signed_in.request("GET", "/version", account="admin").text.startswith("3.17.")
