"""Make the model versions of the fixture registry again, with today's pipeline and a real MLflow.

    hatch run contract:versions

Each is trained by the pipeline's own command, promoted by its own gate, and kept as it lies in the registry: packed,
since skops writes much JSON. Those of contract 1 are the golden ones of `packages/shared/tests`, made by version 0.2.0.
"""

import csv
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import optional_facts
from mlyard_shared.registry import Registry

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
ROWS = 300
SEED = 7
START_SECONDS = 120

COMMON = """
version = 1
key = ["id"]
folds = 3

[source]
path = "table.csv"
"""
SPECS = {
    # A linear classifier over every kind of column, in ONNX.
    "visits": """
name = "visits"
task = "classification"
target = "outcome"
metric = "accuracy"
{common}
[features]
leave_out = ["price", "again", "group"]
unseen = {{ colour = "accept" }}

[features.dates]
seen = ["year", "weekday", "hour", "days_since_epoch"]

[[candidates]]
name = "logistic"
estimator = "sklearn.linear_model.LogisticRegression"
parameters = {{ max_iter = 2000 }}
""",
    # A linear regression over numbers alone.
    "prices": """
name = "prices"
task = "regression"
target = "price"
metric = "rmse"
{common}
[features]
use = ["size", "count"]

[[candidates]]
name = "ridge"
estimator = "sklearn.linear_model.Ridge"
""",
    # Trees, whose inputs are float32; the classes are booleans.
    "returns": """
name = "returns"
task = "classification"
target = "again"
metric = "accuracy"
{common}
[features]
use = ["count", "new", "colour"]

[[candidates]]
name = "forest"
estimator = "sklearn.ensemble.RandomForestClassifier"
parameters = {{ n_estimators = 10, max_depth = 4 }}
""",
    # An estimator that has no twin, so that skops answers.
    "groups": """
name = "groups"
task = "classification"
target = "group"
metric = "accuracy"
{common}
[features]
use = ["size", "count"]

[[candidates]]
name = "process"
estimator = "sklearn.gaussian_process.GaussianProcessClassifier"
""",
}


def table() -> dict[str, list[str]]:
    """Texts of a CSV file: every type, with nulls, and targets that depend on them."""
    draw = np.random.default_rng(SEED)
    size = draw.normal(50, 20, ROWS).round(2)
    colour = draw.choice(["red", "grün", "blue"], ROWS)
    moments = np.datetime64("2025-01-01T00:00:00") + draw.integers(0, 30_000_000, ROWS).astype("timedelta64[s]")
    count = draw.integers(0, 8, ROWS)
    new = draw.random(ROWS) < 0.5
    price = size * 3 + count * 5 + draw.normal(0, 1, ROWS)

    def with_nulls(values: "np.ndarray[tuple[int], np.dtype[np.generic]]") -> list[str]:
        return ["" if hide else str(value) for value, hide in zip(values, draw.random(ROWS) < 0.1, strict=True)]

    return {
        "id": [str(row) for row in range(ROWS)],
        "size": [str(value) for value in size],
        "count": [str(value) for value in count],
        "new": [str(value).lower() for value in new],
        "colour": list(colour),
        "weight": with_nulls(draw.normal(5, 1, ROWS).round(2)),
        "seen": with_nulls(np.array([f"{moment}+02:00" for moment in moments])),
        "outcome": [("low", "middle", "high")[int(np.digitize(value, [130, 190]))] for value in price],
        "price": [str(value) for value in price.round(3)],
        "again": [str(value).lower() for value in (count + 3 * new + draw.normal(0, 2, ROWS)) > 5],
        "group": ["a" if value else "b" for value in (size > 50) ^ (count > 4)],
    }


@contextmanager
def mlflow(folder: Path, port: int) -> Iterator[str]:
    """A real server with its state in this folder; yields its address."""
    state = {
        "MLYARD_MLFLOW_SERVER_PORT": str(port),
        "MLYARD_MLFLOW_SERVER_BACKEND_STORE_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "MLYARD_MLFLOW_SERVER_ARTIFACT_ROOT": str(folder / "artifacts"),
    }
    process = subprocess.Popen([BIN / "mlyard-mlflow-server", "serve"], cwd=folder, env=os.environ | state)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("MLflow did not start: its log above says why")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def main(port: int) -> None:
    """Train every spec, and keep what its champion consists of."""
    with tempfile.TemporaryDirectory() as name, mlflow(Path(name), port) as address:
        folder = Path(name)
        columns = table()
        with (folder / "table.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        registry = Registry(address)
        for model, text in SPECS.items():
            spec = folder / f"{model}.toml"
            spec.write_text(text.format(common=COMMON).strip() + "\n", encoding="utf-8")
            settings = {"MLYARD_TRAINING_PIPELINE_REGISTRY_URI": address}
            subprocess.run([BIN / "mlyard-training-pipeline", "run", spec], env=os.environ | settings, check=True)
            champion = registry.find(model, "champion")
            if champion is None:
                sys.exit(f"{model} was not promoted: its gate report above says why")
            files = folder / model
            files.mkdir()
            registry.download(champion, files)
            pack(files, HERE / "versions" / f"{model}.zip")
    optional_facts.make(HERE / "versions")


def pack(folder: Path, place: Path) -> None:
    """Pack a version's files, each with the same time, so that only a change of them changes the archive."""
    place.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(file.relative_to(folder)))
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5055)
