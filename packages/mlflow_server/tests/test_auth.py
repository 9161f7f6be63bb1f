"""Who may do what on a real server with sign-in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient
from mlyard_shared.registry import Registry
from mlyard_shared.registry.version import DIGEST_TAG

from .conftest import PASSWORDS, Server, free_port, sign_in


@contextmanager
def account(name: str) -> Iterator[None]:
    """Let MLflow's client sign in as this account."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_USERNAME", name)
        patch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORDS[f"{name}_password"])
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("signed-in")
    temporary = folder / "tmp"
    temporary.mkdir()
    running = Server(folder, port=free_port(), settings={**sign_in(folder), "TMPDIR": str(temporary)})
    try:
        yield running.wait()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def client(server: Server) -> MlflowClient:
    return MlflowClient(server.url, server.url)


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


def request(server: Server, name: str | None, method: str, path: str, **arguments: Any) -> httpx.Response:
    auth = (name, PASSWORDS[f"{name}_password"]) if name else None
    return httpx.request(method, f"{server.url}{path}", auth=auth, timeout=30, **arguments)


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


def test_the_pipeline_is_no_administrator(server: Server) -> None:
    body = {"username": "mallory", "password": "a-long-password"}
    assert request(server, "pipeline", "POST", "/api/2.0/mlflow/users/create", json=body).status_code == 403
    own = {"username": "pipeline", "is_admin": True}
    assert request(server, "pipeline", "PATCH", "/api/2.0/mlflow/users/update-admin", json=own).status_code == 403


@pytest.mark.usefixtures("run_id")
def test_the_reader_does_what_the_model_api_does(server: Server, tmp_path: Path) -> None:
    with account("api"):
        registry = Registry(server.url)
        assert registry.served_models() == ("theirs",)
        assert registry.find("theirs", "previous") is None
        champion = registry.find("theirs", "champion")
        assert champion == registry.version("theirs", 1)
        registry.download(champion, tmp_path)
    assert [file.read_text() for file in tmp_path.rglob("note.txt")] == ["kept"]


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
def test_the_reader_may_not(method: str, path: str, body: dict[str, str] | None, server: Server) -> None:
    answer = request(server, "api", method, path, json=body)
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
def test_nobody_enters_without_an_account(method: str, path: str, server: Server) -> None:
    assert request(server, None, method, path).status_code == 401
    wrong = httpx.request(method, f"{server.url}{path}", auth=("admin", "password1234"), timeout=30)
    assert wrong.status_code == 401


def test_health_and_the_servers_abilities_are_public(server: Server) -> None:
    assert request(server, None, "GET", "/health").status_code == 200
    assert request(server, None, "GET", "/api/3.0/mlflow/server-info").status_code == 200


def test_a_server_with_sign_in_is_healthy(server: Server) -> None:
    done = server.check()
    assert done.returncode == 0, done.stderr
    assert server.check("--name", "tracking.example.com").returncode == 1


@pytest.mark.usefixtures("run_id")
def test_no_file_with_the_databases_uri_is_left(server: Server) -> None:
    assert list((server.folder / "tmp").rglob("*.ini")) == []
    assert list(server.folder.glob("*.db")) == []


def test_no_secret_is_in_the_log(server: Server) -> None:
    assert "s3cret" not in server.log.read_text()


def test_its_log_has_no_traceback_and_one_warning_which_is_mlflows(server: Server) -> None:
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "Warning" not in log
    warnings = [line for line in log.splitlines() if "WARNING" in line and "invalid Host header" not in line]
    assert [line.rpartition(": ")[2][:32] for line in warnings] == ["This feature is still experiment"]


def test_a_replaced_secret_is_the_new_password_after_a_restart(serve: Callable[..., Server], tmp_path: Path) -> None:
    first = serve(**sign_in(tmp_path)).wait()
    assert request(first, "admin", "GET", "/version").status_code == 200
    first.stop()
    new = {f"{name}_password": f"a-new-password-of-{name}" for name in ("admin", "pipeline", "api")}
    second = serve(**sign_in(tmp_path, **new)).wait()
    for name in ("admin", "pipeline", "api"):
        path = f"{second.url}/api/2.0/mlflow/users/current"
        assert httpx.get(path, auth=(name, new[f"{name}_password"])).status_code == 200
        assert httpx.get(path, auth=(name, PASSWORDS[f"{name}_password"])).status_code == 401


def test_an_account_that_was_given_more_is_put_right_at_the_next_start(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    first = serve(**sign_in(tmp_path)).wait()
    promoted = {"username": "pipeline", "is_admin": True}
    assert request(first, "admin", "PATCH", "/api/2.0/mlflow/users/update-admin", json=promoted).is_success
    first.stop()
    second = serve(**sign_in(tmp_path)).wait()
    body = {"username": "mallory", "password": "a-long-password"}
    assert request(second, "pipeline", "POST", "/api/2.0/mlflow/users/create", json=body).status_code == 403


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_two_that_start_at_once_share_the_accounts(
    database: str, serve: Callable[..., Server], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    settings = sign_in(tmp_path)
    if database == "postgresql":
        settings["BACKEND_STORE_URI"] = f"{request.getfixturevalue('postgresql')}/postgres"
    for workers in ("1", "2"):  # the second time the accounts are there already
        both = [serve(MLYARD_MLFLOW_SERVER_WORKERS=workers, **settings) for _ in range(2)]
        for running in both:
            running.wait()
            signed_in = httpx.get(
                f"{running.url}/api/2.0/mlflow/users/current", auth=("pipeline", PASSWORDS["pipeline_password"])
            )
            assert signed_in.status_code == 200
            assert_no_secret_shows(running)
        for running in both:
            running.stop()
            assert running.process.returncode == 0


def assert_no_secret_shows(server: Server) -> None:
    """Look at the command line and the environment of each of its processes, as anyone in its container could."""
    if not Path("/proc").is_dir():
        return
    given = {value.encode() for value in server.settings.values() if "s3cret" in value}
    for process in processes(server.process.pid):
        shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        for value in given:  # what the test itself set as a variable
            shown = shown.replace(value, b"")
        assert b"s3cret" not in shown, process


def processes(pid: int) -> Iterator[Path]:
    yield Path(f"/proc/{pid}")
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from processes(int(child))
