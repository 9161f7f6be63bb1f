"""The pipeline's own commands against a real registry."""

import os
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from mlyard_shared.manifest import Manifest, verify_folder
from mlyard_shared.registry import Registry

PENGUINS = Path(__file__).parents[2] / "examples/penguins"
PREFIX = "MLYARD_TRAINING_PIPELINE_"
COMMAND = """
import os, sys
os.environ.update(environment)
for number, file in enumerate(files, 1):
    os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), number)
sys.stdout.reconfigure(line_buffering=True)
sys.argv = ["mlyard-training-pipeline", "run", spec]
from mlyard_training_pipeline.__main__ import main
main()
"""
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "mlflow.sklearn",
        "mlyard_training_pipeline.cli",
        "mlyard_training_pipeline.training",
        "mlyard_training_pipeline.versions.packaging",
        "onnxruntime",
        "pyarrow.parquet",
        "sklearn.ensemble",
        "sklearn.linear_model",
        "skops.io",
    ]
)
"""The command runs in forks of a process that has paid for its imports, which take longer than a small training."""


class Trained(NamedTuple):
    """A champion as the pipeline left it: its name, manifest and files as they were downloaded, and what was said."""

    name: str
    manifest: Manifest
    files: Path
    printed: str


def variables(uri: str, state: Path) -> dict[str, str]:
    """The pipeline's settings; of snapshots nothing is kept but what a champion or the newest run needs."""
    values = {"REGISTRY_URI": uri, "STATE": str(state), "SNAPSHOT_RETENTION": "1", "EVIDENCE": "false"}
    return {f"{PREFIX}{name}": value for name, value in values.items()}


class Training:
    """The command under way in a fork, and what it says."""

    def __init__(self, uri: str, folder: Path, spec: Path, **settings: str) -> None:
        self._files = [folder / f"{uuid4().hex}.{kind}" for kind in ("said", "complained")]
        given = {
            "environment": variables(uri, folder / "state")
            | {f"{PREFIX}{name}": value for name, value in settings.items()},
            "files": [str(file) for file in self._files],
            "spec": str(spec),
        }
        for file in self._files:
            file.touch()
        self._process = FORKS.Process(target=exec, args=(COMMAND, given))
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def said(self) -> str:
        return self._files[0].read_text()

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end, and return what it said on standard output and error."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, "it has not ended in time"
        return self.said(), self._files[1].read_text()


def run(uri: str, folder: Path, spec: Path, **settings: str) -> str:
    """Train a spec by the command, with its state in a folder and further settings; return what was printed."""
    training = Training(uri, folder, spec, **settings)
    printed = "".join(training.communicate())
    assert training.returncode == 0, printed
    return printed


def write_penguins(folder: Path, name: str, *, candidates: str | None = None, leave_out: int = 0) -> Path:
    """The penguins under another name, with other candidates, or without the first rows."""
    spec = (PENGUINS / "penguins.toml").read_text().replace('name = "penguins"', f'name = "{name}"', 1)
    if candidates is not None:
        spec = spec.partition("[[candidates]]")[0] + candidates
    header, *lines = (PENGUINS / "penguins.csv").read_text().splitlines()
    (folder / "penguins.csv").write_text("\n".join([header, *lines[leave_out:]]) + "\n")
    file = folder / "spec.toml"
    file.write_text(spec)
    return file


def train(registry: Registry, folder: Path, name: str, candidates: str | None = None) -> Trained:
    """Train the penguins under a name."""
    printed = run(registry.uri, folder, write_penguins(folder, name, candidates=candidates))
    champion = registry.find(name, "champion")
    assert champion is not None
    files = folder / "version"
    files.mkdir()
    registry.download(champion, files)
    return Trained(name, verify_folder(files, manifest_digest=champion.manifest_sha256), files, printed)
