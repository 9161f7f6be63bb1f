"""Estimators of a user's own package, which stands beside the pipeline as pip would have put it there."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.engines import OpenVersion, choose
from mlyard_shared.errors import TrainingError
from mlyard_shared.manifest import Manifest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates import checks, estimators
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.versions import champion

SITE = Path(__file__).parents[1] / "site"
Packaged = Callable[..., tuple[Path, Manifest, Dataset]]
Make = Callable[[dict[str, list[Any]], ModelSpec], Dataset]


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(SITE))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme_models"]:
        del sys.modules[name]


@pytest.fixture
def problems(
    spec: Callable[..., ModelSpec], mixed: Callable[[], dict[str, list[Any]]], made: Make
) -> Callable[..., list[str]]:
    def find(path: str, *trusted: str) -> list[str]:
        chosen = spec(candidates=[{"name": "one", "estimator": path}])
        return checks.problems(chosen, made(mixed(), chosen), trusted=trusted)

    return find


def test_a_trusted_estimator_with_a_converter_is_served_from_its_twin(
    packaged: Packaged, problems: Callable[..., list[str]]
) -> None:
    assert problems("acme_models.Centroids", "acme_models") == []
    folder, manifest, data = packaged("acme_models.Centroids", sharpness=0.5)
    assert [(engine.kind, engine.whole) for engine in manifest.engines] == [("skops", False), ("onnx", True)]
    assert manifest.onnx is not None
    assert manifest.onnx.holds
    found = champion.predict(OpenVersion(manifest, choose(folder, manifest)), data, data.held_out)
    assert (found.labels == data.target[data.held_out]).mean() > 0.5
    assert manifest.packages["acme-models"] == "1.0"


def test_what_the_settings_do_not_trust_is_not_imported(problems: Callable[..., list[str]]) -> None:
    (problem,) = problems("acme_models.Centroids")
    assert problem.startswith(
        "candidates.one: estimator: acme_models.Centroids is not of scikit-learn, LightGBM or XGBoost, and the "
        "settings do not trust the package acme_models: choose another estimator, or have acme_models added to "
    )
    assert "acme_models" not in sys.modules


def test_what_has_no_converter_is_not_imported(problems: Callable[..., list[str]]) -> None:
    (problem,) = problems("acme_models.Unconverted", "acme_models")
    assert "names no ONNX converter for it, and nothing else leaves the pipeline: it needs an entry point" in problem
    with pytest.raises(ImportError, match="must not be imported"):
        estimators.estimator_class("acme_models.Unconverted")
    assert "acme_models" not in sys.modules


@pytest.mark.parametrize("path", ["os.system", "subprocess.run", "builtins.eval"])
def test_no_path_of_another_package_is_imported(problems: Callable[..., list[str]], path: str) -> None:
    (problem,) = problems(path)
    assert f"estimator: {path} is not of scikit-learn" in problem
    with pytest.raises(ImportError, match="must not be imported"):
        estimators.estimator_class(path)


def test_a_trusted_package_that_is_not_there_is_named(problems: Callable[..., list[str]]) -> None:
    (problem,) = problems("globex.Model", "globex")
    assert problem == "candidates.one: estimator: globex is not installed beside the pipeline"


def test_a_converter_that_makes_another_model_is_found_out(packaged: Packaged) -> None:
    with pytest.raises(TrainingError, match=r"has no ONNX twin, without which nothing can serve it: over .* differ"):
        packaged("acme_models.Wrong", sharpness=0.5)


def test_a_converter_that_fails_is_told_with_its_reason(packaged: Packaged) -> None:
    with pytest.raises(TrainingError, match=r"its converter acme_models.onnx:fail failed: no such operator"):
        packaged("acme_models.Failing")
