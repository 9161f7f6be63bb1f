"""The pipeline's own commands against a real registry."""

from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from mlyard_shared.manifest import Manifest, verify_folder
from mlyard_shared.registry import Registry

PENGUINS = Path(__file__).parents[2] / "examples/penguins"
PREFIX = "MLYARD_TRAINING_PIPELINE_"
COMMAND = """
import os, sys
os.environ.update(environment)
for number in (1, 2):
    os.dup2(os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
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


def run(uri: str, folder: Path, spec: Path, **settings: str) -> str:
    """Train a spec by the command, with its state in a folder and further settings; return what was printed."""
    printed = spec.with_suffix(".printed")
    printed.unlink(missing_ok=True)
    environment = variables(uri, folder / "state") | {f"{PREFIX}{name}": value for name, value in settings.items()}
    given = {"environment": environment, "printed": str(printed), "spec": str(spec)}
    process = FORKS.Process(target=exec, args=(COMMAND, given))
    process.start()
    process.join()
    assert process.exitcode == 0, printed.read_text()
    return printed.read_text()


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
