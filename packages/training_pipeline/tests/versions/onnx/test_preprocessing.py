from typing import Any

import numpy as np
import onnxruntime
import pytest
from mlyard_shared.features import Array
from mlyard_shared.schema import Column, InputForm, Schema
from mlyard_shared.spec import Candidate, Features
from mlyard_training_pipeline.candidates import preprocessing as candidates
from mlyard_training_pipeline.versions.onnx import preprocessing
from mlyard_training_pipeline.versions.onnx.graph import Graph
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler

SCHEMA = Schema(
    columns=(
        Column(name="size", type="number", nullable=True),
        Column(name="colour", type="category", nullable=True, categories=("blue", "green", "red")),
        Column(name="arrived_ms", type="integer", nullable=False),
        Column(name="site", type="category", nullable=False, categories=("a", "b")),
    )
)
NUMBERS = Schema(columns=(SCHEMA.columns[0], SCHEMA.columns[2]))
CATEGORIES = Schema(columns=(SCHEMA.columns[1],))
LINEAR, FOREST = "sklearn.linear_model.LogisticRegression", "sklearn.ensemble.RandomForestClassifier"
HISTOGRAM = "sklearn.ensemble.HistGradientBoostingClassifier"


def rows(schema: Schema, kind: Any) -> Array:
    draw = np.random.default_rng(1)
    made: dict[str, Array] = {
        "size": np.where(draw.random(500) < 0.2, np.nan, draw.normal(50, 20, 500)),
        "colour": draw.integers(-1, 4, 500),
        "arrived_ms": 1.7e12 + draw.integers(0, 10**9, 500),
        "site": draw.integers(-1, 2, 500),
    }
    return np.column_stack([made[column.name] for column in schema.columns]).astype(kind)


def run(transformer: Any, matrix: Array, form: InputForm, kind: Any = None) -> Array:
    graph = Graph(form, matrix.shape[1])
    graph.node("Identity", preprocessing.add(graph, transformer), output="encoded")
    model = graph.model({"encoded": (kind or np.dtype(form.precision).type, 2)})
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"inputs": matrix})[0])


@pytest.mark.parametrize("schema", [SCHEMA, NUMBERS, CATEGORIES], ids=["mixed", "numbers", "categories"])
@pytest.mark.parametrize(
    ("path", "precision"),
    [(LINEAR, "float64"), (FOREST, "float32"), (HISTOGRAM, "float64")],
    ids=["scaled", "imputed", "as they are"],
)
def test_every_number_of_the_encoded_matrix_is_the_same(path: str, precision: Any, schema: Schema) -> None:
    form = InputForm(precision=precision)
    matrix = rows(schema, precision)
    transformer = candidates.pipeline(Candidate(name="a", estimator=path), schema)[0]
    expected = matrix if transformer == "passthrough" else transformer.fit(matrix[:300]).transform(matrix)
    assert np.array_equal(run(transformer, matrix, form), expected, equal_nan=True)


ENCODINGS = [
    pytest.param({"encoding": {"colour": "target"}}, id="means"),
    pytest.param({"encoding": {"colour": "target", "site": "target"}}, id="means of several columns"),
    pytest.param({"levels": {"colour": 2}}, id="pooled"),
    pytest.param({"levels": {"colour": 2}, "encoding": {"colour": "one_hot"}}, id="pooled columns"),
    pytest.param({"levels": {"colour": 3, "site": 2}, "encoding": {"site": "one_hot"}}, id="some of each"),
    pytest.param({"levels": {"colour": 3}, "encoding": {"site": "target"}}, id="pooled and means"),
]


@pytest.mark.parametrize("said", ENCODINGS)
@pytest.mark.parametrize("classes", [0, 2, 3], ids=["regression", "two classes", "three classes"])
@pytest.mark.parametrize(("path", "precision"), [(LINEAR, "float64"), (FOREST, "float32"), (HISTOGRAM, "float64")])
def test_every_encoding_of_every_code_is_the_same(path: str, precision: Any, classes: int, said: Any) -> None:
    form = InputForm(precision=precision)
    matrix = rows(SCHEMA, precision)
    target: Array = np.random.default_rng(2).normal(size=300) + matrix[:300, 1]
    if classes:
        target = np.digitize(target, np.quantile(target, np.linspace(0, 1, classes + 1)[1:-1]))
    candidate, features = Candidate(name="a", estimator=path), Features.model_validate(said)
    labels = tuple("xyz"[:classes])
    transformer = candidates.pipeline(candidate, SCHEMA, classes=labels, features=features)[0]
    expected = transformer.fit(matrix[:300], target).transform(matrix)
    assert np.array_equal(run(transformer, matrix, form, kind=expected.dtype.type), expected, equal_nan=True)


def test_a_sparse_matrix_is_the_same_but_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_DENSE_BYTES", 0)
    monkeypatch.setattr(candidates, "_SPARSE_DENSITY", 2.0)
    matrix = rows(SCHEMA, np.float64)
    transformer = candidates.pipeline(Candidate(name="a", estimator=LINEAR), SCHEMA, rows=300)[0].fit(matrix[:300])
    assert np.array_equal(run(transformer, matrix, InputForm()), transformer.transform(matrix).toarray())


@pytest.mark.parametrize("step", [MinMaxScaler(), SimpleImputer(add_indicator=True)], ids=["scaler", "indicator"])
def test_a_step_that_the_pipelines_do_not_have_is_refused(step: Any) -> None:
    matrix = rows(NUMBERS, np.float64)
    transformer = candidates.pipeline(Candidate(name="a", estimator=LINEAR), NUMBERS)[0]
    transformer.transformers[0][1].steps.append(("more", step))
    transformer.fit(matrix)
    with pytest.raises(NotImplementedError, match="is not a step of the preprocessing"):
        run(transformer, matrix, InputForm())
    with pytest.raises(NotImplementedError, match="MinMaxScaler is not a step"):
        run(ColumnTransformer([("more", MinMaxScaler(), [0])]).fit(matrix), matrix, InputForm())


def test_thresholds_of_the_encoded_matrix_are_traced_to_their_inputs() -> None:
    pipeline = candidates.pipeline(Candidate(name="a", estimator=FOREST), SCHEMA)
    pipeline[0].fit(rows(SCHEMA, np.float32))
    assert preprocessing.number_inputs(pipeline) == {0: 0, 1: 2}
