"""Where the secrets are, and where they are not."""

import json
from pathlib import Path

from .docker import docker
from .stack import LASTING, Stack

MOUNT = "/run/secrets/mlyard"


def holders(values: dict[str, str], text: str) -> list[str]:
    """The names of the values that stand in a text."""
    return [name for name, value in values.items() if value in text]


def test_no_secret_is_in_what_the_engine_tells(trained: Stack) -> None:
    values = trained.secrets()
    assert len(values) >= 11
    assert all(len(value) >= 32 for value in values.values())
    for service, container in trained.containers().items():
        told = docker("inspect", container)
        assert not holders(values, told), service
        image = json.loads(told)[0]["Image"]
        assert not holders(values, docker("history", "--no-trunc", image)), service
    assert not holders(values, trained.compose("config"))


def test_no_secret_is_in_a_log(trained: Stack) -> None:
    values = trained.secrets()
    for service in trained.containers():
        assert not holders(values, trained.logs(service)), service
    # Airflow's logs of tasks and DAG files lie in its state volume.
    read = ("find", "/var/lib/mlyard", "-name", "*.log", "-exec", "cat", "{}", "+")
    logs = trained.compose("exec", "-T", "airflow-scheduler", *read)
    assert "train" in logs
    assert not holders(values, logs)


def test_no_secret_is_on_a_command_line(trained: Stack) -> None:
    values = trained.secrets()
    for service in LASTING:
        pids = [line.split()[0] for line in docker("top", trained.containers()[service], "-eo", "pid").splitlines()[1:]]
        assert pids
        for pid in pids:
            line = Path(f"/proc/{pid}/cmdline")
            assert not (line.exists() and holders(values, line.read_text(errors="replace"))), service


def test_each_service_sees_its_own_secrets_only_and_may_not_write_them(trained: Stack) -> None:
    seen = {}
    for service in LASTING:
        seen[service] = set(trained.compose("exec", "-T", service, "ls", MOUNT).split())
        written = trained.compose("exec", "-T", service, "touch", f"{MOUNT}/new", check=False)
        assert "Read-only file system" in written, service
    assert seen["model-api"] == {"api_key", "registry_password"}
    assert seen["mlflow-db"] == seen["airflow-db"] == {"password"}
    assert not seen["mlflow"] & seen["model-api"]
    parts = ("airflow", "airflow-scheduler", "airflow-dag-processor")
    assert {frozenset(seen[part]) for part in parts} == {frozenset(seen["airflow"])}


def test_a_second_start_changes_no_secret(trained: Stack) -> None:
    before = trained.secrets()
    trained.compose("run", "--rm", "secrets")
    assert trained.secrets() == before
