import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.manifest import MANIFEST_FILE, verify_folder
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.training import run
from rich.console import Console

Spec = Callable[..., ModelSpec]
Written = Callable[..., Path]
FOREST = {
    "name": "forest",
    "estimator": "sklearn.ensemble.RandomForestClassifier",
    "parameters": {"n_estimators": 3, "class_weight": {"small": 2.0}},
}
IDS_AND_TIMES = {"run_id", "trained_at", "files", "latency"}


def train_elsewhere(context: Context, spec_file: Path) -> None:
    """Train a spec in a process of its own, with another seed for the hashes of texts."""
    settings = {"REGISTRY_URI": context.settings.registry_uri, "STATE": str(context.settings.state)}
    environment = {f"MLYARD_TRAINING_PIPELINE_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "mlyard_training_pipeline", "run", str(spec_file)]
    environment |= {"MLFLOW_TRACKING_URI": context.settings.registry_uri, "PYTHONHASHSEED": "77"}
    subprocess.run(command, check=True, env=os.environ | environment, stdout=subprocess.DEVNULL)


@pytest.mark.long
def test_two_trainings_on_the_same_snapshot_register_the_same_bytes(
    context: Context, spec: Spec, written: Written, tmp_path: Path
) -> None:
    file = written(tmp_path, spec(name="reproduced", candidates=[FOREST], folds=2))
    folders: list[Path] = []
    documents: list[dict[str, Any]] = []
    run(file, context.settings, progress=Progress(steps=9, console=Console(file=io.StringIO())))
    train_elsewhere(context, file)
    for number in (1, 2):
        version = context.registry.version("reproduced", number)
        folder = tmp_path / f"version-{number}"
        folder.mkdir()
        context.registry.download(version, folder)
        verify_folder(folder, manifest_digest=version.manifest_sha256)
        folders.append(folder)
        documents.append(json.loads((folder / MANIFEST_FILE).read_text()))
        # The second training found a champion.
        del documents[-1]["card"]["champion_before"], documents[-1]["card"]["gate"]
    first, second = ({key: value for key, value in found.items() if key not in IDS_AND_TIMES} for found in documents)
    assert first == second
    names = {path.name for path in folders[0].iterdir()}
    assert {"model.skops", "model.onnx", "background.npy"} < names
    # MLflow's own description of a model holds an id and a time.
    same = {name for name in names if (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()}
    assert names - same == {MANIFEST_FILE, "MLmodel"}
    lines = [(folder / "MLmodel").read_text().splitlines() for folder in folders]
    differing = [left.split(":")[0] for left, right in zip(*lines, strict=True) if left != right]
    assert differing == ["model_uuid", "utc_time_created"]
    page = context.registry.client.get_model_version("reproduced", "2").description or ""
    assert "champion 1, which has" in page
    assert "### Limits" in page
