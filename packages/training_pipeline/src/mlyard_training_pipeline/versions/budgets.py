"""What a version may take: milliseconds for one row, and bytes on disk, of the engine that serves."""

from pathlib import Path
from typing import Literal

from mlyard_shared.gate import Condition
from mlyard_shared.manifest import Manifest
from mlyard_shared.manifest.current import Budgets
from mlyard_shared.spec.gate import Gate

_MB = 1_000_000


def of(gate: Gate) -> Budgets | None:
    """The budgets of a spec; None where it has none."""
    if gate.latency_ms is None and gate.size_mb is None:
        return None
    return Budgets(latency_ms=gate.latency_ms, size_bytes=None if gate.size_mb is None else round(gate.size_mb * _MB))


def conditions(manifest: Manifest, folder: Path) -> tuple[Condition, ...]:
    """How a version in a folder stands to its own budgets."""
    budgets = manifest.budgets
    if budgets is None:
        return ()
    whole = {engine.kind: engine.file for engine in manifest.engines if engine.whole}
    kind: Literal["onnx", "skops"] = "onnx" if "onnx" in whole else "skops"
    called = "the ONNX twin" if kind == "onnx" else "scikit-learn, which serves without a twin,"
    found = []
    if budgets.latency_ms is not None:
        taken = next(one.milliseconds for one in manifest.latency if one.engine == kind)
        met = taken <= budgets.latency_ms
        reason = f"{called} takes {taken:.3g} ms for a row, and gate.latency_ms = {budgets.latency_ms:g}"
        found.append(Condition(name="latency", outcome="passed" if met else "not passed", reason=reason))
    if budgets.size_bytes is not None:
        size = (folder / whole[kind]).stat().st_size
        met = size <= budgets.size_bytes
        reason = f"{called} has {size / _MB:.3g} MB, and gate.size_mb = {budgets.size_bytes / _MB:g}"
        found.append(Condition(name="size", outcome="passed" if met else "not passed", reason=reason))
    return tuple(found)
