"""A training with a tuned threshold and weights: the same rule in folds, gate and version."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mlyard_shared.manifest import verify_folder
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline import training
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.versions.onnx import session
from rich.console import Console


def table(rows: int = 400) -> dict[str, list[str | None]]:
    draw = np.random.default_rng(4)
    size = draw.normal(size=rows)
    kinds = draw.random(rows) < 1 / (1 + np.exp(1 - 2 * size))
    return {
        "id": [str(row) for row in range(rows)],
        "size": [f"{value:.4f}" for value in size],
        "counts": [f"{value:.2f}" for value in draw.uniform(0.5, 2, rows)],
        "kind": [("no", "yes")[int(value)] for value in kinds],
    }


def test_a_tuned_threshold_and_conformal_quantiles_are_in_the_manifest_and_rule_both_engines(
    context: Context, spec: Callable[..., ModelSpec], written: Callable[..., Path], tmp_path: Path
) -> None:
    chosen: dict[str, Any] = {
        "features": {},
        "weight": "counts",
        "metric": "cost",
        "scoring": {"costs": {"yes": {"no": 8}, "no": {"yes": 1}}},
        "decision": {"threshold_for": "cost"},
        "conformal": [0.5, 0.9],
    }
    file = written(tmp_path, spec(name="tuned", **chosen), table())
    training.run(file, context.settings, progress=Progress(steps=9, console=Console(quiet=True)))
    version = context.registry.find("tuned", "champion")
    assert version is not None
    folder = tmp_path / "version"
    folder.mkdir()
    context.registry.download(version, folder)
    manifest = verify_folder(folder, manifest_digest=version.manifest_sha256)
    assert manifest.decision is not None
    assert manifest.decision.kind == "threshold"
    assert manifest.conformal is not None
    assert [one.level for one in manifest.conformal.quantiles] == [0.5, 0.9]
    assert manifest.onnx is not None
    assert manifest.onnx.holds
    from mlyard_shared.pipelines import load_pipeline
    from mlyard_training_pipeline.candidates.predictions import predict

    rows = np.linspace(-3, 3, 300).reshape(-1, 1)
    of_skops = predict(load_pipeline(folder / "model.skops"), rows, task="classification", rule=manifest.decision)
    of_onnx = session.predict(folder / "model.onnx", {"inputs": rows}, task="classification", rule=manifest.decision)
    assert (of_skops.labels == of_onnx.labels).all()
    assert of_skops.probabilities is not None
    assert manifest.decision.threshold is not None
    assert (of_skops.labels == (of_skops.probabilities[:, 1] > manifest.decision.threshold)).all()
    # What the run was judged by is the cost of these labels.
    assert manifest.metrics["holdout_cost"] < 1
