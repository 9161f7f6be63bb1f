"""Fills a cache with the models that are measured, as the pipeline would have registered them.

`linear` and `forest` have their twins; `slow` is the forest without one, so that scikit-learn runs it.
"""

import shutil
import sys
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path

import numpy as np
from mlyard_model_api.serving.cache import Cache, Pointer
from mlyard_model_api.serving.history import Histories
from mlyard_model_api.serving.version import Reference
from mlyard_shared.decision import Decision
from mlyard_shared.manifest import (
    MODEL_FILE,
    ONNX_FILE,
    EngineFile,
    FeatureReference,
    HoldoutRule,
    Manifest,
    OnnxParity,
    folder_digests,
    write_manifest,
)
from mlyard_shared.schema import Column, InputForm, Schema
from mlyard_shared.snapshot import Snapshot
from mlyard_shared.spec import Candidate
from mlyard_training_pipeline.candidates import estimators, preprocessing
from mlyard_training_pipeline.versions import skops_file
from mlyard_training_pipeline.versions.onnx.comparison import Rows, make_twin
from table import COLUMNS, table

ESTIMATORS = {
    "linear": ("sklearn.linear_model.LogisticRegression", {}),
    "forest": ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 100, "random_state": 0}),
}
CLASSES = ("no", "yes")
MODELS = ("linear", "forest", "slow")


def fill(folder: Path) -> None:
    """Make the cache folder with every model in it."""
    cache = Cache(folder)
    cache.prepare()
    made = {name: _make(folder / ".made" / name, name) for name in ESTIMATORS}
    slow = folder / ".made" / "slow"
    shutil.copytree(folder / ".made" / "forest", slow)
    (slow / ONNX_FILE).unlink()
    (slow / "mlyard.json").unlink()
    made["slow"] = write_manifest(slow, _manifest("slow", slow, "forest", None))
    for name, digest in made.items():
        reference = Reference(name=name, version=1, digest=digest)
        cache.path(reference).parent.mkdir()
        (folder / ".made" / name).rename(cache.path(reference))
        cache.point(Pointer(current=reference))
        Histories(cache).note_served(reference)
    shutil.rmtree(folder / ".made")


def _make(folder: Path, kind: str) -> str:
    folder.mkdir(parents=True)
    path, parameters = ESTIMATORS[kind]
    candidate = Candidate(name=kind, estimator=path, parameters=parameters)
    form = _form(kind)
    matrix, target = table()
    matrix = matrix.astype(form.precision)
    pipeline = preprocessing.pipeline(candidate, SCHEMA, classes=CLASSES, rows=len(target)).fit(matrix, target)
    skops_file.write(pipeline, folder / MODEL_FILE)
    rows = Rows(SCHEMA, form, matrix[:500])
    twin = make_twin(folder / MODEL_FILE, folder / ONNX_FILE, pipeline, rows, task="classification")
    if twin.parity is None or twin.refused:
        sys.exit(f"{kind} has no twin: {twin.refused}")
    return write_manifest(folder, _manifest(kind, folder, kind, twin.parity))


def _manifest(name: str, folder: Path, kind: str, parity: OnnxParity | None) -> Manifest:
    twin = (EngineFile(kind="onnx", file=ONNX_FILE),) if parity is not None else ()
    return Manifest(
        model=name,
        task="classification",
        target="answer",
        classes=CLASSES,
        input_schema=SCHEMA,
        inputs=_form(kind),
        engines=(EngineFile(kind="skops", file=MODEL_FILE), *twin),
        decision=Decision(),
        reference=_reference(),
        candidate=kind,
        estimator=ESTIMATORS[kind][0],
        metric="accuracy",
        metrics={},
        holdout=HoldoutRule(by="hash", columns=(), fraction=0.2),
        snapshot=Snapshot(sha256="0" * 64, run_id="none", rows=len(table()[0]), taken_at=datetime.now(UTC)),
        run_id="none",
        trained_at=datetime.now(UTC),
        packages={"scikit-learn": installed("scikit-learn")},
        onnx=parity,
        onnx_refused=None if parity else "it is measured without",
        files=folder_digests(folder),
    )


def _form(kind: str) -> InputForm:
    path, parameters = ESTIMATORS[kind]
    return InputForm(precision=estimators.precision(Candidate(name=kind, estimator=path, parameters=parameters)))


def _reference() -> tuple[FeatureReference, ...]:
    matrix, _ = table()
    found = []
    for name, values in zip(COLUMNS, matrix.T, strict=True):
        counts, edges = np.histogram(values, 10)
        found.append(
            FeatureReference(
                column=name, rows=len(values), missing=0, edges=tuple(edges.tolist()), counts=tuple(counts.tolist())
            )
        )
    return tuple(found)


SCHEMA = Schema(
    columns=tuple(
        Column(name=name, type="number", nullable=False, example=float(value))
        for name, value in zip(COLUMNS, table(1)[0][0], strict=True)
    )
)

if __name__ == "__main__":
    fill(Path(sys.argv[1]))
