"""What an engine answers is checked for what it claims to be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_model_api.errors import ModelFailed, NotComputable
from mlyard_model_api.serving import answers
from mlyard_model_api.serving.version import Reference, verify
from mlyard_shared.engines import Engine, EngineName, Output
from mlyard_shared.features import Array
from mlyard_shared.manifest import Manifest

from ..versions import HOLDS, write_regressor, write_version

INDEX = np.array([0, 2])
GOOD = np.array([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]])
COLUMNS = {"a": np.array([1.0, 2.0])}


class Answering:
    """An engine that answers what it was given."""

    name: EngineName = "onnx"
    reason = "it is a test"

    def __init__(self, *given: Any) -> None:
        self.given = given

    def predict(self, columns: Mapping[str, Array]) -> Output:
        if isinstance(self.given[0], Exception):
            raise self.given[0]
        return Output(*self.given)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory, fitted: Any) -> Manifest:
    folder = tmp_path_factory.mktemp("classes") / "v"
    return verify(folder, Reference(name="penguins", version=1, digest=write_version(folder, fitted, onnx=HOLDS)))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("numbers") / "v"
    return verify(folder, Reference(name="diabetes", version=1, digest=write_regressor(folder, 1.0)))


def changed(row: int, *values: float) -> Array:
    result = GOOD.copy()
    result[row] = values
    return result


@pytest.mark.parametrize(
    "probabilities",
    [
        pytest.param(GOOD, id="plain"),
        pytest.param(GOOD.astype(np.float32), id="float32"),
        pytest.param(changed(0, 0.7000004, 0.2000004, 0.1), id="rounded sum"),
        pytest.param(changed(0, 1.000002, -0.000002, 0.0), id="rounded ends"),
        pytest.param(None, id="none"),
    ],
)
def test_an_honest_answer_is_given_as_it_is(classes: Manifest, probabilities: Array | None) -> None:
    output = answers.predict(Answering(INDEX, probabilities), classes, COLUMNS)
    assert output.predictions is INDEX
    assert output.probabilities is probabilities


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param((INDEX, changed(1, 102.0, 0, 0)), "lie between 0 and 102", id="over 1"),
        pytest.param((INDEX, changed(1, -0.2, 0.7, 0.5)), "lie between -0.2 and 0.7", id="below 0"),
        pytest.param((INDEX, changed(0, 0.5, 0.2, 0.1)), "add up to 0.8", id="sum too small"),
        pytest.param((INDEX, changed(0, 0.9, 0.9, 0.9)), "add up to 2.7", id="sum too large"),
        pytest.param((INDEX, changed(0, 0, 0, 0)), "add up to 0", id="zeros"),
        pytest.param((INDEX, GOOD[:, :2]), "wrong shape", id="a class is missing"),
        pytest.param((INDEX, GOOD.astype(str)), "not numbers", id="texts"),
        pytest.param((INDEX[:1], GOOD), "wrong shape", id="a row is missing"),
        pytest.param((np.array([0, 3]), GOOD), "not one of its classes", id="no class"),
        pytest.param((np.array([0, -1]), GOOD), "not one of its classes", id="negative class"),
        pytest.param((np.array([0.0, 1.0]), GOOD), "not one of its classes", id="classes as numbers"),
        pytest.param((ValueError("X has\n2 features"),), "ValueError: X has 2 features", id="error"),
        pytest.param((MemoryError(),), "MemoryError", id="memory"),
    ],
)
def test_an_answer_that_cannot_be_true_is_the_models_fault(
    classes: Manifest, given: tuple[Any, ...], told: str
) -> None:
    with pytest.raises(ModelFailed, match=told):
        answers.predict(Answering(*given), classes, COLUMNS)


def test_a_row_without_a_finite_answer_is_not_computable(classes: Manifest, numbers: Manifest) -> None:
    for engine, manifest in (
        (Answering(INDEX, changed(1, np.nan, 0, 1)), classes),
        (Answering(INDEX, changed(1, np.inf, 0, 1)), classes),
        (Answering(np.array([1.0, np.inf]), None), numbers),
    ):
        with pytest.raises(NotComputable) as caught:
            answers.predict(engine, manifest, COLUMNS)
        assert caught.value.row == 1


@pytest.mark.parametrize("given", [np.array(["1", "2"]), np.array([1.0, None], dtype=object)], ids=["text", "object"])
def test_a_regression_answers_numbers(numbers: Manifest, given: Array) -> None:
    with pytest.raises(ModelFailed, match="not a number"):
        answers.predict(Answering(given, None), numbers, COLUMNS)
    output = answers.predict(Answering(np.array([1, 2]), None), numbers, COLUMNS)
    assert output.predictions.dtype == np.float64


def test_only_neighbors_within_a_radius_may_give_no_class_a_chance(classes: Manifest) -> None:
    estimator = "sklearn.neighbors.RadiusNeighborsClassifier"
    manifest = classes.model_copy(update={"estimator": estimator})
    engine: Engine = Answering(INDEX, changed(0, 0, 0, 0))
    assert answers.predict(engine, manifest, COLUMNS).probabilities is not None
    with pytest.raises(ModelFailed):
        answers.predict(Answering(INDEX, changed(0, 0.4, 0, 0)), manifest, COLUMNS)


def test_a_changed_twin_is_found_out_at_its_trial(tmp_path: Path, fitted: Any) -> None:
    """A twin whose probabilities are not ones, registered as if its answers matched."""
    from mlyard_model_api.serving import trial
    from mlyard_shared.errors import ModelVersionRefused

    digest = write_version(tmp_path / "v", fitted, onnx=HOLDS, twin_scale=102.0)
    verify(tmp_path / "v", Reference(name="penguins", version=1, digest=digest))
    with pytest.raises(ModelVersionRefused, match=r"its probabilities lie between"):
        trial.run(tmp_path / "v", seconds=60)
