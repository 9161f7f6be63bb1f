"""A real server of its own on a small volume."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from ..servers import Server, sign_in


def test_a_full_volume_is_named_by_a_real_server_and_nothing_half_is_left(
    small_volume: Path, serve: Callable[..., Server], tmp_path: Path
) -> None:
    artifacts, database = small_volume / "artifacts", small_volume / "mlflow.db"
    settings = {"ARTIFACT_ROOT": str(artifacts), "BACKEND_STORE_URI": f"sqlite:///{database}"}
    server = serve(**settings, **sign_in(tmp_path)).wait()
    run_id = _run(server)
    started = len(server.log.read_text())
    upload = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/large"
    for _ in range(2):
        refused = server.request("PUT", upload, account="pipeline", content=bytes(20_000_000))
        assert refused.status_code == 507
        assert f"the volume of the artifacts ({artifacts}) is full" in refused.json()["message"]
        assert [file for file in artifacts.rglob("*") if file.is_file()] == []
    page = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=large"
    ballast = small_volume / "ballast"
    _fill(ballast)
    assert server.request("POST", page, account="pipeline", content=bytes(5_000_000)).status_code == 507
    full = server.request("POST", "/api/2.0/mlflow/runs/set-tag", account="pipeline", json=_tag(run_id))
    assert full.status_code == 507
    assert full.json()["error_code"] == "RESOURCE_EXHAUSTED"
    assert f"the volume of the database ({database}) is full" in full.json()["message"]
    log = server.log_since(started)
    assert [line.count("is full") for line in log.splitlines()] == [1, 1], log
    read = f"/api/2.0/mlflow/runs/get?run_id={run_id}"
    assert server.request("GET", read, account="api").status_code == 200
    ballast.unlink()
    assert server.request("PUT", upload, account="pipeline", content=bytes(1000)).status_code == 200
    assert (
        server.request("POST", "/api/2.0/mlflow/runs/set-tag", account="pipeline", json=_tag(run_id)).status_code == 200
    )


def _run(server: Server) -> str:
    made = server.request("POST", "/api/2.0/mlflow/runs/create", account="pipeline", json={"experiment_id": "0"})
    return str(made.json()["run"]["info"]["run_id"])


def _tag(run_id: str) -> dict[str, str]:
    return {"run_id": run_id, "key": "note", "value": "x" * 5000}


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))
