"""Every encoding of categories in whole pipelines: the twin's answers beside scikit-learn's, over every code."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlyard_shared import features
from mlyard_shared.features import Array
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.schema import Column, InputForm, Schema
from mlyard_shared.spec import Candidate, Features
from mlyard_training_pipeline.candidates import estimators, preprocessing
from mlyard_training_pipeline.candidates.predictions import predict
from mlyard_training_pipeline.versions import skops_file
from mlyard_training_pipeline.versions.onnx import comparison, conversion, session
from mlyard_training_pipeline.versions.onnx.comparison import Rows
from mlyard_training_pipeline.versions.onnx.graph import INPUT
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ..conftest import SCHEMA, make_columns

HISTOGRAM, HISTOGRAMS = (
    "sklearn.ensemble.HistGradientBoostingClassifier",
    "sklearn.ensemble.HistGradientBoostingRegressor",
)
FOREST, LINEAR = "sklearn.ensemble.RandomForestClassifier", "sklearn.linear_model.LogisticRegression"
ENCODINGS = [
    pytest.param({}, id="by the rule"),
    pytest.param({"levels": {"site": 4}}, id="the rarest as one"),
    pytest.param({"encoding": {"site": "target"}}, id="means"),
    pytest.param({"encoding": {"site": "one_hot"}, "levels": {"site": 3, "colour": 2}}, id="pooled columns"),
]


def fit(path: str, schema: Schema, matrix: Array, target: Array, said: dict[str, Any], **parameters: Any) -> Any:
    candidate = Candidate(name="a", estimator=path, parameters=parameters)
    classes = () if path.endswith("Regressor") else tuple("xyz"[: len(np.unique(target))])
    chosen = Features.model_validate(said)
    pipeline = preprocessing.pipeline(candidate, schema, classes=classes, rows=len(matrix), features=chosen)
    with threadpool_limits(1):
        return pipeline.fit(matrix, target)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("said", ENCODINGS)
@pytest.mark.parametrize(
    ("path", "classes", "parameters"),
    [
        pytest.param(HISTOGRAM, 2, {"max_iter": 10}, id="two classes", marks=pytest.mark.long),
        pytest.param(HISTOGRAM, 3, {"max_iter": 10}, id="three classes"),
        pytest.param(HISTOGRAMS, 0, {"max_iter": 10}, id="numbers", marks=pytest.mark.long),
        pytest.param(FOREST, 3, {"n_estimators": 5}, id="forest"),
        pytest.param(LINEAR, 3, {}, id="linear"),
    ],
)
def test_the_twin_and_the_stored_pipeline_answer_alike(
    path: str, classes: int, parameters: dict[str, Any], said: dict[str, Any], tmp_path: Path
) -> None:
    columns, amount = make_columns(900)
    form = InputForm(precision=estimators.precision(Candidate(name="a", estimator=path)))
    matrix = features.matrix(columns, SCHEMA, form)
    target = amount
    if classes:
        target = np.digitize(amount, np.quantile(amount, np.linspace(0, 1, classes + 1)[1:-1]))
    pipeline = fit(path, SCHEMA, matrix[300:], target[300:], said, **parameters)
    model, twin = tmp_path / "model.skops", tmp_path / "model.onnx"
    assert skops_file.write(pipeline, model) == ()
    task: Any = "classification" if classes else "regression"
    rows = Rows(SCHEMA, form, matrix[:300])
    made = comparison.make_twin(model, twin, pipeline, rows, task=task, scale=float(amount.std()))
    assert made.refused is None
    assert made.parity is not None
    assert made.parity.max_difference < 1e-6
    stored = predict(load_pipeline(model), matrix, task=task)
    assert np.array_equal(stored.labels, predict(pipeline, matrix, task=task).labels)


@settings(max_examples=25, deadline=None)
@given(
    levels=st.integers(2, 60),
    nullable=st.booleans(),
    rows=st.integers(60, 400),
    seed=st.integers(0, 1000),
    kept=st.one_of(st.none(), st.integers(2, 30)),
)
def test_native_categories_are_exact_for_every_code(
    tmp_path_factory: pytest.TempPathFactory, levels: int, nullable: bool, rows: int, seed: int, kept: int | None
) -> None:
    category = Column(name="c", type="category", nullable=nullable, categories=tuple(map(str, range(levels))))
    schema = Schema(columns=(Column(name="n", type="number", nullable=True), category))
    draw = np.random.default_rng(seed)
    # Some codes are in no row that is trained on, as in a fold.
    codes = draw.integers(0, max(levels * 2 // 3, 1), rows).astype(np.float64)
    numbers = np.where(draw.random(rows) < 0.1, np.nan, draw.normal(size=rows))
    target = (draw.normal(size=levels)[codes.astype(int)] + draw.normal(size=rows) > 0).astype(np.int64)
    target[:2] = 0, 1
    said = {} if kept is None else {"levels": {"c": kept}}
    matrix = np.column_stack([numbers, codes])
    pipeline = fit(HISTOGRAM, schema, matrix, target, said, max_iter=5, min_samples_leaf=3, early_stopping=False)
    every = np.arange(-1, levels + nullable, dtype=np.float64)
    asked = np.column_stack([np.tile([np.nan, -1.0, 0.0, 1.0], len(every)), np.repeat(every, 4)])
    file = tmp_path_factory.mktemp("twin") / "model.onnx"
    made = conversion.convert(pipeline, width=2, form=InputForm())
    file.write_bytes(made.SerializeToString())
    found = session.predict(file, {INPUT: asked}, task="classification", rule=None)
    assert found.probabilities is not None
    assert np.abs(found.probabilities - pipeline.predict_proba(asked)).max() < 1e-12
