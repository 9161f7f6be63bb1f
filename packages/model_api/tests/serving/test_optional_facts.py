"""What contract 2 may hold and the pipeline does not write yet, on versions that were really fitted with it."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from mlyard_model_api.prediction import compute
from mlyard_model_api.serving import version
from mlyard_model_api.serving.lanes import Lane
from mlyard_model_api.serving.version import Reference, ServedVersion, verify
from mlyard_shared import features
from mlyard_shared.features import Array
from mlyard_shared.manifest import MANIFEST_FILE, MODEL_FILE, file_digest
from mlyard_shared.pipelines import load_pipeline

from ..conftest import Start, until
from ..fake_registry import FakeRegistry
from ..versions import HOLDS, rewrite, write_version

VERSIONS = Path(__file__).parents[2] / "development" / "versions"


def rows(count: int) -> dict[str, Array]:
    draw = np.random.default_rng(5)
    return {
        "size": draw.normal(50, 20, count),
        "count": draw.integers(0, 8, count).astype(np.float64),
        "colour": draw.choice(np.array(["blue", "green", "red", None], dtype=object), count),
    }


def unpacked(name: str, folder: Path) -> Reference:
    with zipfile.ZipFile(VERSIONS / f"{name}.zip") as archive:
        archive.extractall(folder)
    return Reference(name=name, version=1, digest=file_digest(folder / MANIFEST_FILE))


def served(name: str, folder: Path) -> ServedVersion:
    reference = unpacked(name, folder)
    return version.load(folder, reference, verify(folder, reference), lane=Lane(name, rows=100))


def by_pipeline(found: ServedVersion, folder: Path, columns: dict[str, Array]) -> Array:
    manifest = found.manifest
    matrix = features.matrix(columns, manifest.input_schema, manifest.inputs)
    pipeline = load_pipeline(folder / MODEL_FILE)
    answer: Array = pipeline.predict_proba(matrix) if manifest.classes else pipeline.predict(matrix)
    return answer


def test_a_threshold_and_conformal_sets_are_the_manifests(tmp_path: Path) -> None:
    found, columns = served("approvals", tmp_path), rows(500)
    decision, conformal = found.manifest.decision, found.manifest.conformal
    assert decision is not None
    assert decision.threshold is not None
    assert conformal is not None
    answer = compute(found, columns)
    expected = by_pipeline(found, tmp_path, columns)
    assert answer.probabilities is not None
    assert np.abs(answer.probabilities - expected).max() < decision.tolerance
    clear = np.abs(expected[:, 1] - decision.threshold) > 2 * decision.tolerance
    said = np.array(answer.values) == "yes"
    assert (said == (expected[:, 1] > decision.threshold))[clear].all()
    # The threshold is not the middle: some answers are no largest probability.
    assert (said != (expected[:, 1] > 0.5)).any()
    assert set(answer.sets) == {0.8, 0.9}
    assert answer.intervals == {}
    for quantile in conformal.quantiles:
        held = answer.sets[quantile.level]
        rows_clear = (np.abs(expected - 1 + quantile.value) > 2 * decision.tolerance).all(axis=1)
        assert (held == (expected >= 1 - quantile.value))[rows_clear].all()
    assert answer.sets[0.9].sum() > answer.sets[0.8].sum()


def test_conformal_intervals_are_the_prediction_and_the_quantile(tmp_path: Path) -> None:
    found, columns = served("durations", tmp_path), rows(50)
    answer = compute(found, columns)
    expected = by_pipeline(found, tmp_path, columns)
    assert found.manifest.conformal is not None
    assert answer.sets == {}
    for quantile in found.manifest.conformal.quantiles:
        ends = answer.intervals[quantile.level]
        assert ends.shape == (50, 2)
        assert np.allclose(ends[:, 0], expected - quantile.value, atol=1e-4)
        assert np.allclose(ends[:, 1], expected + quantile.value, atol=1e-4)


def test_a_transformed_target_is_answered_in_its_own_units(tmp_path: Path) -> None:
    found, columns = served("incomes", tmp_path), rows(50)
    assert found.manifest.target_transform is not None
    assert found.engine.name == "skops"
    answer = compute(found, columns)
    assert answer.values == by_pipeline(found, tmp_path, columns).tolist()
    assert min(answer.values) > 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("budgets", "reason"),
    [
        pytest.param({"latency_ms": 1e-6, "size_bytes": None}, "1e-06 ms are allowed (its own budget)", id="latency"),
        pytest.param({"latency_ms": None, "size_bytes": 10}, "its own budget allows 10", id="size"),
    ],
)
async def test_what_exceeds_its_own_budget_is_refused_with_the_reason(
    start: Start,
    registry: FakeRegistry,
    tmp_path: Path,
    fitted: object,
    budgets: dict[str, float | None],
    reason: str,
) -> None:
    write_version(tmp_path / "v", fitted, onnx=HOLDS)
    registry.register("penguins", 9, tmp_path / "v", rewrite(tmp_path / "v", budgets=budgets))
    registry.promote("penguins", 9)
    async with start(ready=False) as client:

        async def refused() -> bool:
            return "refused" in (await client.get("/health/ready")).text

        await until(refused)
        told = (await client.get("/health/ready")).json()["reasons"]
    assert reason in told[0]
