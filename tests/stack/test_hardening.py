"""What a container may do, and what it may take."""

import json

import pytest

from .docker import docker, inspect
from .stack import LASTING, Stack

ONE_SHOTS = ("secrets", "airflow-init", "ensure")
INITIALISER = {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"}


@pytest.mark.parametrize("service", [*LASTING, *ONE_SHOTS])
def test_it_is_confined(trained: Stack, service: str) -> None:
    container = inspect(trained.containers()[service])
    host, config = container["HostConfig"], container["Config"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert not host["Privileged"]
    assert 0 < host["Memory"] <= 3 * 1024**3
    assert 0 < host["NanoCpus"] <= 2e9
    assert 0 < host["PidsLimit"] <= 512
    assert host["LogConfig"]["Config"]["max-size"]
    assert host["LogConfig"]["Config"]["max-file"]
    if service == "secrets":
        assert {f"CAP_{name.removeprefix('CAP_')}" for name in host["CapAdd"]} == INITIALISER
        assert host["NetworkMode"] == "none"
    else:
        assert not host["CapAdd"]
        assert config["User"].split(":")[0] not in ("", "0", "root")
    if service in LASTING:
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert config["Healthcheck"]["Test"][0] == "CMD", "no shell"
        # tmpfs is shared memory of the host: each has its size.
        assert all("size=" in options for options in (host["Tmpfs"] or {}).values())


@pytest.mark.parametrize("service", LASTING)
def test_its_processes_run_without_any_capability(trained: Stack, service: str) -> None:
    status = trained.compose("exec", "-T", service, "cat", "/proc/1/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["CapEff"] == facts["CapBnd"] == "0" * 16
    assert facts["NoNewPrivs"] == "1"
    assert set(facts["Uid"].split()) <= {"50000", "999"}


def test_ports_are_published_on_this_machine_only(trained: Stack) -> None:
    published = {}
    for service, container in trained.containers().items():
        ports = json.loads(docker("inspect", "--format", "{{json .HostConfig.PortBindings}}", container)) or {}
        for port, bindings in ports.items():
            published[service] = port
            assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}
    assert published == {"mlflow": "5000/tcp", "airflow": "8080/tcp", "model-api": "8000/tcp"}
