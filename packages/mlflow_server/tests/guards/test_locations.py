"""Every way to give MLflow a location, tried on a real server."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient
from mlyard_mlflow_server.guards.locations import is_within
from mlyard_shared.registry.client import Registry

from ..servers import Server

PREFIXES = ("/api/2.0/mlflow", "/ajax-api/2.0/mlflow")
ELSEWHERE = {
    "file": "file:/etc",
    "file-with-a-host": "file://localhost/etc",
    "path": "/etc",
    "relative": "elsewhere",
    "parent": "../elsewhere",
    "s3": "s3://other/bucket",
    "gs": "gs://other/bucket",
    "azure": "wasbs://other@example.blob.core.windows.net/x",
    "dbfs": "dbfs:/x",
    "hdfs": "hdfs://host/x",
    "ftp": "ftp://user:password@127.0.0.1/x",
    "sftp": "sftp://127.0.0.1/x",
    "http": "http://127.0.0.1:9/api/2.0/mlflow-artifacts/artifacts/x",
    "https": "https://example.com/x",
    "another-server": "mlflow-artifacts://example.com:5000/1/x/artifacts",
    "another-experiment": "mlflow-artifacts:/0/x/artifacts",
    "all-of-the-store": "mlflow-artifacts:/",
    "out-of-the-store": "mlflow-artifacts:/../../etc",
    "out-of-the-store-encoded": "mlflow-artifacts:/%2e%2e/%2e%2e/etc",
    "made-up": "whatever:/x",
    "blank": " ",
}


@pytest.fixture(scope="module")
def client(server: Server) -> MlflowClient:
    return MlflowClient(server.url, server.url)


@pytest.fixture(scope="module")
def run(client: MlflowClient) -> Any:
    found = client.create_run(client.create_experiment("locations"))
    client.log_text(found.info.run_id, "kept", "model/note.txt")
    client.create_registered_model("locations")
    return found


def is_refused(answer: httpx.Response) -> bool:
    return answer.status_code == 400 and answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("location", ELSEWHERE.values(), ids=ELSEWHERE)
def test_an_experiment_with_a_location_of_its_own(location: str, prefix: str, server: Server) -> None:
    for key in ("artifact_location", "artifactLocation"):
        refused = server.request("POST", f"{prefix}/experiments/create", json={"name": "elsewhere", key: location})
        assert is_refused(refused), refused.text
    assert "elsewhere" not in server.experiments()


def test_the_refusal_of_an_experiment_has_the_way_out(server: Server) -> None:
    body = {"name": "elsewhere", "artifact_location": "s3://other/bucket"}
    refused = server.request("POST", "/api/2.0/mlflow/experiments/create", json=body).json()
    assert "'s3://other/bucket' is refused" in refused["message"]
    assert "without artifact_location" in refused["message"]


def test_an_experiment_without_one(client: MlflowClient, server: Server) -> None:
    body = {"name": "as-the-page-makes-it", "artifact_location": ""}
    made = server.request("POST", "/ajax-api/2.0/mlflow/experiments/create", json=body).json()
    location = client.get_experiment(made["experiment_id"]).artifact_location
    assert location == f"mlflow-artifacts:/{made['experiment_id']}"


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("source", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_version_made_of_what_lies_elsewhere(source: str, prefix: str, server: Server, run: Any) -> None:
    run_id = run.info.run_id
    for more in ({}, {"run_id": run_id}, {"model_id": "m-1"}, {"tags": [{"key": "k", "value": "v"}]}):
        body = {"name": "locations", "source": source, **more}
        refused = server.request("POST", f"{prefix}/model-versions/create", json=body)
        assert is_refused(refused) or refused.status_code == 404, refused.text
    assert not MlflowClient(server.url, server.url).search_model_versions("name = 'locations'")


@pytest.mark.parametrize(
    "source",
    [
        "{uri}/../../0/artifacts",
        "{uri}/%2e%2e/%2e%2e/0",
        "runs:/{id}/../x",
        "runs://host/{id}/model",
        "models:/m-not-there",
        "models:/../x",
        "mlflow-artifacts://other{path}/model",
    ],
)
def test_a_version_that_leaves_its_run(source: str, server: Server, run: Any) -> None:
    uri = run.info.artifact_uri
    source = source.format(uri=uri, id=run.info.run_id, path=uri.removeprefix("mlflow-artifacts:"))
    body = {"name": "locations", "source": source, "run_id": run.info.run_id}
    refused = server.request("POST", "/api/2.0/mlflow/model-versions/create", json=body)
    assert refused.status_code in (400, 404), refused.text
    assert set(refused.json()) >= {"error_code", "message"}


def test_versions_as_the_pipeline_and_mlflows_page_make_them(
    server: Server, client: MlflowClient, run: Any, tmp_path: Path
) -> None:
    client.create_registered_model("own")
    (tmp_path / "model.txt").write_text("a model")
    logged = client.create_logged_model(run.info.experiment_id, name="logged", source_run_id=run.info.run_id)
    client.log_model_artifacts(logged.model_id, str(tmp_path))
    client.finalize_logged_model(logged.model_id, "READY")
    made = client.create_model_version(
        "own", f"models:/{logged.model_id}", run_id=run.info.run_id, model_id=logged.model_id
    )
    client.create_model_version("own", f"runs:/{run.info.run_id}/model", run.info.run_id)
    client.create_model_version("own", f"{run.info.artifact_uri}/model", run.info.run_id)
    client.copy_model_version(f"models:/own/{made.version}", "copied")
    client.register_prompt("a-prompt", "{{question}}")
    registry = Registry(server.url)
    version = registry.version("copied", 1)
    (tmp_path / "download").mkdir()
    registry.download(version, tmp_path / "download")
    assert [file.read_text() for file in (tmp_path / "download").rglob("model.txt")] == ["a model"]


def test_every_field_of_mlflows_requests_that_may_hold_a_location_is_known() -> None:
    """If this fails after an update of MLflow: see what the new field does, and close it."""
    from mlflow.protos import mlflow_artifacts_pb2, model_registry_pb2, service_pb2, webhooks_pb2

    found = set()
    for module in (service_pb2, model_registry_pb2, mlflow_artifacts_pb2, webhooks_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                fields = _fields(method.input_type)
                found |= {f"{method.name}.{field}" for field in fields if field.endswith(LOCATIONS)}
    assert {field for field in found if not field.startswith(("get", "search", "list"))} == {
        "createExperiment.artifact_location",
        "createModelVersion.source",
        "createDataset.source",  # shown, never opened
        "logInputs.datasets.dataset.source",
        "createAssessment.assessment.source",  # who assessed
        "updateAssessment.assessment.source",
        "startTraceV3.trace.trace_info.assessments.source",
        "createWorkspace.default_artifact_root",  # workspaces are off: 503
        "createWorkspace.trace_archival_config.location",
        "updateWorkspace.default_artifact_root",
        "updateWorkspace.trace_archival_config.location",
        "startTraceV3.trace.trace_info.trace_location",  # names the experiment
        "createPromptOptimizationJob.source_prompt_uri",  # no jobs run here
        "completeMultipartUpload.parts.url",  # for buckets
        "createWebhook.url",  # where MLflow reports to, which is not where artifacts lie
        "updateWebhook.url",
    }


LOCATIONS = ("location", "uri", "root", "url", "source")


def _fields(message: Any, prefix: str = "", depth: int = 0) -> list[str]:
    names = []
    for field in message.fields:
        names.append(f"{prefix}{field.name}")
        if field.message_type and depth < 4 and field.message_type.full_name.startswith("mlflow"):
            names += _fields(field.message_type, f"{prefix}{field.name}.", depth + 1)
    return names


def test_workspaces_with_roots_of_their_own(server: Server) -> None:
    body = {"name": "elsewhere", "default_artifact_root": "s3://other/bucket"}
    assert server.request("POST", "/api/3.0/mlflow/workspaces", json=body).status_code in (404, 405, 501, 503)


def test_graphql_changes_nothing(server: Server) -> None:
    query = "{ __schema { mutationType { fields { name } } } }"
    schema = server.request("POST", "/graphql", json={"query": query}).json()["data"]["__schema"]
    names = {field["name"] for field in schema["mutationType"]["fields"]}
    assert names == {"testMutation", "mlflowSearchRuns", "mlflowSearchDatasets"}


UP = ["../x", "a/../../x", "%2e%2e/x", "..%2fx", "a/..%2f..%2f..%2fx", "/etc/x", "a%00b", "..%5cx", "%252e%252e/x"]


@pytest.mark.parametrize("path", UP)
def test_an_artifact_outside_of_the_store(path: str, server: Server, run: Any) -> None:
    store = server.folder / "mlflow-data" / "artifacts"
    before = {file for file in server.folder.rglob("*") if store not in file.parents}
    base = f"{server.url}/api/2.0/mlflow-artifacts"
    with httpx.Client(timeout=30) as http:
        for method, url in (
            ("PUT", f"{base}/artifacts/{path}"),
            ("PUT", f"{base.replace('/api', '/ajax-api')}/artifacts/{path}"),
            ("GET", f"{base}/artifacts/{path}"),
            ("DELETE", f"{base}/artifacts/{path}"),
            ("GET", f"{base}/artifacts?path={path}"),
            ("POST", f"{server.url}/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run.info.run_id}&path={path}"),
            ("GET", f"{server.url}/get-artifact?run_uuid={run.info.run_id}&path={path}"),
            ("GET", f"{server.url}/api/2.0/mlflow/artifacts/list?run_id={run.info.run_id}&path={path}"),
        ):
            answer = http.send(httpx.Request(method, url, content=b"x" if method in ("PUT", "POST") else None))
            assert answer.status_code < 500, (method, url, answer.text)
            assert "root:" not in answer.text
    assert {file for file in server.folder.rglob("*") if store not in file.parents} == before


def test_a_trace_that_is_told_to_lie_elsewhere(server: Server) -> None:
    body = {"key": "mlflow.artifactLocation", "value": "file:/etc"}
    for prefix in ("/api/2.0", "/api/3.0", "/ajax-api/3.0"):
        refused = server.request("PATCH", f"{prefix}/mlflow/traces/tr-1/tags", json=body)
        assert is_refused(refused), refused.text


@pytest.mark.parametrize("location", ["file:///etc", "/etc", "s3://other/bucket", "mlflow-artifacts:/../../../../etc"])
def test_what_was_given_another_place_before_is_neither_read_nor_written(
    location: str, server: Server, client: MlflowClient, run: Any
) -> None:
    made = client.create_run(run.info.experiment_id)
    with closing(sqlite3.connect(server.folder / "mlflow-data" / "mlflow.db")) as session, session:
        session.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (location, made.info.run_id))
    run_id = made.info.run_id
    for method, path in (
        ("GET", f"/get-artifact?run_uuid={run_id}&path=hostname"),
        ("GET", f"/api/2.0/mlflow/artifacts/list?run_id={run_id}"),
        ("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=mlyard-was-here"),
    ):
        answer = server.request(method, path, content=b"x" if method == "POST" else None)
        if location.startswith("mlflow-artifacts") and method == "POST":
            assert answer.status_code == 200  # MLflow writes where runs lie by default
        else:
            assert answer.status_code in (400, 404), (method, path, answer.text)
    assert not Path("/etc/mlyard-was-here").exists()
    body = {"name": "locations", "source": f"{location}/hostname", "run_id": run_id}
    assert is_refused(server.request("POST", "/api/2.0/mlflow/model-versions/create", json=body))


@pytest.mark.parametrize(
    ("root", "location", "expected"),
    [
        ("mlflow-data/artifacts", "mlflow-data/artifacts/1/x", True),
        ("mlflow-data/artifacts", "mlflow-data/artifacts", True),
        ("mlflow-data/artifacts", "mlflow-data/artifacts-of-others", False),
        ("mlflow-data/artifacts", "mlflow-data/artifacts/../mlflow.db", False),
        ("mlflow-data/artifacts", "mlflow-data/artifacts/%2e%2e/mlflow.db", False),
        ("/data/artifacts", "file:///data/artifacts/1", True),
        ("file:///data/artifacts", "/data/artifacts/1", True),
        ("/data/artifacts", "file:///data/artifacts/%2e%2e/mlflow.db", False),
        ("/data/artifacts", "file://host/data/artifacts/1", False),
        ("/data/artifacts", "/etc", False),
        ("/data/artifacts", "s3://data/artifacts", False),
        ("s3://bucket/mlflow", "s3://bucket/mlflow/1", True),
        ("s3://bucket/mlflow", "s3://bucket/mlflow-of-others", False),
        ("s3://bucket/mlflow", "s3://bucket/mlflow/../others", False),
        ("s3://bucket/mlflow", "s3://other/mlflow/1", False),
        ("s3://bucket/mlflow", "/mlflow/1", False),
        ("s3://bucket/mlflow", "runs:/1/x", False),
    ],
)
def test_what_lies_in_the_store(root: str, location: str, expected: bool) -> None:
    assert is_within(root, location) is expected
