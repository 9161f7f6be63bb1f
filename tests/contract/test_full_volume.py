"""A registry whose volume is full, as those who write there are told of it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest
from mlyard_shared.errors import RegistryError, RegistryUnavailable
from mlyard_shared.registry import Registry


class Run(Protocol):
    def __call__(self, state: Path, port: int, **settings: str) -> AbstractContextManager[str]: ...


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "volume"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", str(folder)]
    try:
        mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no volume can be mounted here (that takes root): its tests were left out")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.long
def test_what_does_not_fit_is_told_with_the_place_and_the_way_out_and_leaves_nothing(
    run_mlflow_server: Run, free_port: int, small_volume: Path, tmp_path: Path
) -> None:
    artifacts, folder = small_volume / "artifacts", tmp_path / "version"
    folder.mkdir()
    (folder / "mlyard.json").write_text("{}")
    (folder / "model.skops").write_bytes(bytes(8_000_000))
    settings: Any = {"MLYARD_MLFLOW_SERVER_ARTIFACT_ROOT": str(artifacts)}
    with run_mlflow_server(tmp_path, free_port, **settings) as uri:
        registry = Registry(uri)
        experiment = registry.client.create_experiment("full")
        run_id = registry.client.create_run(experiment).info.run_id
        with pytest.raises(RegistryError) as caught:
            registry.register(folder, name="full", run_id=run_id, gate_report="")
        assert not isinstance(caught.value, RegistryUnavailable), "trying again does not help"
        said = f"the registry at {uri} has no room: the volume of the artifacts ({artifacts}) is full: free space there"
        assert str(caught.value).startswith(said)
        assert registry.find("full", "challenger") is None
        (folder / "model.skops").write_bytes(b"small")
        assert registry.register(folder, name="full", run_id=run_id, gate_report="").version == 1
