from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlyard_shared.manifest import Manifest
from mlyard_shared.manifest.current import Budgets, Latency
from mlyard_shared.spec.gate import Gate
from mlyard_training_pipeline.versions import budgets

Package = Callable[..., tuple[Path, Manifest, Any]]


def test_a_spec_without_budgets_has_none() -> None:
    assert budgets.of(Gate()) is None
    assert budgets.of(Gate(latency_ms=5, size_mb=0.5)) == Budgets(latency_ms=5, size_bytes=500_000)


def test_each_engine_is_measured_and_the_twin_is_held_to_the_budgets(packaged: Package) -> None:
    folder, manifest, _ = packaged("sklearn.linear_model.LogisticRegression")
    taken = {one.engine: one.milliseconds for one in manifest.latency}
    assert set(taken) == {"skops", "onnx"}
    assert 0 < taken["onnx"] < taken["skops"]
    assert budgets.conditions(manifest, folder) == ()
    size = (folder / "model.onnx").stat().st_size
    slow = tuple(Latency(engine=engine, rows=1, milliseconds=2.0) for engine in ("skops", "onnx"))

    def outcomes(latency_ms: float, size_bytes: int) -> list[tuple[str, str]]:
        asked = Budgets(latency_ms=latency_ms, size_bytes=size_bytes)
        found = budgets.conditions(manifest.model_copy(update={"budgets": asked, "latency": slow}), folder)
        return [(one.name, one.outcome) for one in found]

    assert outcomes(2.0, size) == [("latency", "passed"), ("size", "passed")]
    assert outcomes(1.9, size - 1) == [("latency", "not passed"), ("size", "not passed")]


def test_without_a_twin_scikit_learn_is_held_to_them(packaged: Package) -> None:
    folder, manifest, _ = packaged("sklearn.linear_model.LogisticRegression")
    alone = tuple(engine for engine in manifest.engines if engine.kind == "skops")
    asked = Budgets(latency_ms=0.0001)
    (found,) = budgets.conditions(manifest.model_copy(update={"budgets": asked, "engines": alone}), folder)
    assert found.outcome == "not passed"
    assert found.reason.startswith("scikit-learn, which serves without a twin, takes ")
    assert found.reason.endswith("ms for a row, and gate.latency_ms = 0.0001")
