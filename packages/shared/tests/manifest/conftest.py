from datetime import UTC, datetime
from pathlib import Path

import pytest
from mlyard_shared.decision import Decision
from mlyard_shared.manifest import EngineFile, HoldoutRule, Manifest, OnnxParity, folder_digests, write_manifest
from mlyard_shared.schema import Column, InputForm, Schema
from mlyard_shared.snapshot import Snapshot

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A version's folder; its manifest is the one of `digest`."""
    folder = tmp_path / "version"
    for name in ("MLmodel", "model.skops", "model.onnx", "extra/notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


@pytest.fixture
def manifest(folder: Path) -> Manifest:
    """What every version has, and nothing more."""
    return Manifest(
        model="churn",
        task="classification",
        target="left",
        classes=("no", "yes"),
        input_schema=Schema(columns=(Column(name="age", type="integer", nullable=False, example=3),)),
        inputs=InputForm(encoding="codes", precision="float64"),
        engines=(EngineFile(kind="skops", file="model.skops"), EngineFile(kind="onnx", file="model.onnx")),
        decision=Decision(),
        reference=(),
        candidate="forest",
        estimator="sklearn.ensemble.RandomForestClassifier",
        metric="accuracy",
        metrics={"accuracy": 0.9},
        holdout=HoldoutRule(by="hash", columns=("id",), fraction=0.2),
        snapshot=Snapshot(sha256="0" * 64, run_id="1", rows=10, taken_at=NOW),
        run_id="2",
        trained_at=NOW,
        packages={"scikit-learn": "1.9.1"},
        onnx=OnnxParity(rows=20, label_mismatches=0, max_difference=1e-7, tolerance=1e-5),
        files=folder_digests(folder),
    )


@pytest.fixture
def digest(folder: Path, manifest: Manifest) -> str:
    return write_manifest(folder, manifest)
