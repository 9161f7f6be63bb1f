"""Boosters as they are fitted, beside their twins: on unseen categories, nulls, zeros, and beside every threshold."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from mlyard_shared.features import Array
from mlyard_shared.schema import InputForm
from mlyard_training_pipeline.versions.onnx import ensembles, probes
from mlyard_training_pipeline.versions.onnx.graph import INPUT, Graph
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from xgboost import XGBClassifier, XGBRegressor

# Newer versions say so of some of what older ones only have.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated")

CATEGORIES = [1, 3]
LIGHTGBM: dict[str, Any] = {"n_estimators": 20, "verbose": -1, "n_jobs": 1}
XGBOOST: dict[str, Any] = {"n_estimators": 20, "n_jobs": 1}
NATIVE: dict[str, dict[str, Any]] = {
    "lightgbm": {"categorical_column": CATEGORIES},
    "xgboost": {"enable_categorical": True, "feature_types": ["q", "c", "q", "c", "q"]},
}
Target = Callable[[Array], Array]


def make_matrix(rows: int, seed: int) -> Array:
    draw = np.random.default_rng(seed)
    matrix = np.column_stack(
        [
            draw.normal(size=rows),
            draw.integers(0, 90, rows),
            draw.normal(size=rows) * 1e3,
            draw.integers(0, 5, rows),
            1.7e12 + draw.integers(0, 10**10, rows),
        ]
    )
    matrix[draw.random(rows) < 0.1, 0] = np.nan
    matrix[draw.random(rows) < 0.1, 2] = 0
    return matrix


def amounts(matrix: Array) -> Array:
    noise = np.random.default_rng(5).normal(size=len(matrix)) * 0.3
    steps = (matrix[:, 1] % 3 == 0) * 2 + (matrix[:, 3] > 2) + (matrix[:, 4] - 1.7e12) / 3e9
    return np.asarray(steps + np.nan_to_num(matrix[:, 0]) + noise)


def kinds(count: int) -> Target:
    return lambda matrix: np.digitize(amounts(matrix), np.quantile(amounts(matrix), np.linspace(0, 1, count + 1)[1:-1]))


def far_from_zero(matrix: Array) -> Array:
    return amounts(matrix) + 2_000_000


def above_zero(matrix: Array) -> Array:
    return np.asarray(np.exp(amounts(matrix) / 3))


def shares(matrix: Array) -> Array:
    return np.clip(amounts(matrix) / 10, 0, 1)


def rows_to_compare(model: Any, kind: Any) -> Array:
    real = make_matrix(400, seed=2)
    real[:40, CATEGORIES] = -1
    real[40:80, 1] = 95
    real[80:120, 0] = np.tile([0.0, 1e-36, -1e-36, 1e-35], 10)
    features, thresholds = ensembles.thresholds(model)
    draw, parts = np.random.default_rng(3), [real]
    for feature in np.unique(features):
        values = probes.beside(np.unique(thresholds[features == feature]))
        made = real[draw.integers(0, len(real), len(values))].copy()
        made[:, feature] = values
        parts.append(made)
    return np.concatenate(parts).astype(kind)


def largest_difference(model: Any, target: Target, precision: Any) -> float:
    matrix = make_matrix(1500, seed=1).astype(precision)
    model.fit(matrix, target(make_matrix(1500, seed=1)))
    graph = Graph(InputForm(precision=precision), matrix.shape[1])
    graph.cast(ensembles.scores(graph, INPUT, model), np.float64, output="scores")
    twin = graph.model({"scores": (np.float64, 2)}).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(twin, options, providers=["CPUExecutionProvider"])
    rows = rows_to_compare(model, precision)
    assert len(rows) > 600
    found = session.run(None, {INPUT: rows})[0]
    if hasattr(model, "classes_"):
        return float(np.abs(found - model.predict_proba(rows)).max())
    expected = model.predict(rows)
    return float((np.abs(found[:, 0] - expected) / np.maximum(1, np.abs(expected))).max())


@pytest.mark.parametrize("native", [False, True], ids=["numbers alone", "native categories"])
@pytest.mark.parametrize(
    ("make", "parameters", "target"),
    [
        pytest.param(LGBMClassifier, {}, kinds(2), id="two classes"),
        pytest.param(LGBMClassifier, {}, kinds(3), id="three classes"),
        pytest.param(LGBMRegressor, {}, far_from_zero, id="regression"),
        pytest.param(LGBMRegressor, {"zero_as_missing": True}, amounts, id="zeros are nulls"),
        pytest.param(LGBMRegressor, {"use_missing": False}, amounts, id="nulls are zeros"),
        pytest.param(LGBMRegressor, {"objective": "poisson"}, above_zero, id="a logarithm"),
        pytest.param(LGBMRegressor, {"objective": "quantile", "alpha": 0.9}, amounts, id="a quantile"),
        pytest.param(LGBMRegressor, {"reg_sqrt": True}, amounts, id="a square root"),
        pytest.param(LGBMClassifier, {"sigmoid": 2.0}, kinds(2), id="a steeper sigmoid"),
        pytest.param(LGBMClassifier, {"boosting_type": "dart"}, kinds(2), id="dart"),
        pytest.param(
            LGBMClassifier, {"boosting_type": "rf", "subsample": 0.6, "subsample_freq": 1}, kinds(3), id="a forest"
        ),
    ],
)
def test_lightgbm_is_matched_to_the_last_digits(make: Any, parameters: Any, target: Target, native: bool) -> None:
    model = make(**LIGHTGBM, **parameters, **(NATIVE["lightgbm"] if native else {}))
    assert largest_difference(model, target, "float64") < 1e-13


@pytest.mark.parametrize("native", [False, True], ids=["numbers alone", "native categories"])
@pytest.mark.parametrize(
    ("make", "parameters", "target"),
    [
        pytest.param(XGBClassifier, {}, kinds(2), id="two classes"),
        pytest.param(XGBClassifier, {}, kinds(3), id="three classes"),
        pytest.param(XGBClassifier, {"base_score": 0.3}, kinds(2), id="another beginning"),
        pytest.param(XGBRegressor, {"objective": "count:poisson"}, above_zero, id="a logarithm"),
        pytest.param(XGBRegressor, {"objective": "reg:logistic"}, shares, id="a share"),
        pytest.param(XGBRegressor, {"booster": "dart", "rate_drop": 0.2}, amounts, id="dart"),
        pytest.param(XGBRegressor, {"objective": "reg:quantileerror", "quantile_alpha": 0.9}, amounts, id="a quantile"),
        pytest.param(
            XGBClassifier,
            {"n_estimators": 1, "num_parallel_tree": 20, "subsample": 0.8, "learning_rate": 1.0},
            kinds(3),
            id="a forest",
        ),
    ],
)
def test_xgboost_is_matched_to_the_digits_of_a_float32(
    make: Any, parameters: Any, target: Target, native: bool
) -> None:
    model = make(**(XGBOOST | parameters), **(NATIVE["xgboost"] if native else {}))
    assert largest_difference(model, target, "float32") < 1e-6


@pytest.mark.parametrize("native", [False, True], ids=["numbers alone", "native categories"])
def test_sums_of_xgboost_lose_the_same_digits_beside_a_large_number(native: bool) -> None:
    model = XGBRegressor(**XGBOOST, **(NATIVE["xgboost"] if native else {}))
    assert largest_difference(model, far_from_zero, "float32") == 0


@pytest.mark.parametrize(
    ("make", "target"),
    [
        pytest.param(HistGradientBoostingClassifier, kinds(2), id="two classes", marks=pytest.mark.long),
        pytest.param(HistGradientBoostingClassifier, kinds(3), id="three classes"),
        pytest.param(HistGradientBoostingRegressor, far_from_zero, id="regression", marks=pytest.mark.long),
    ],
)
def test_native_categories_of_scikit_learn_are_matched(make: Any, target: Target) -> None:
    assert largest_difference(make(categorical_features=CATEGORIES, max_iter=8), target, "float64") < 1e-13


@pytest.mark.parametrize("make", [LGBMRegressor, XGBRegressor], ids=["LightGBM", "XGBoost"])
def test_a_booster_that_learns_nothing_says_one_number(make: Any) -> None:
    deep = {"min_child_samples": 5000, "verbose": -1} if make is LGBMRegressor else {"gamma": 1e9}
    model = make(n_estimators=3, **deep).fit(make_matrix(100, 1), amounts(make_matrix(100, 1)))
    graph = Graph(InputForm(precision="float32"), 5)
    graph.node("Identity", ensembles.scores(graph, INPUT, model), output="scores")
    session = onnxruntime.InferenceSession(graph.model({"scores": (np.float64, 2)}).SerializeToString())
    rows = make_matrix(3, 2).astype("float32")
    assert session.run(None, {INPUT: rows})[0][:, 0] == pytest.approx(model.predict(rows), abs=1e-12)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        pytest.param(LGBMRegressor(linear_tree=True, **LIGHTGBM), "linear trees", id="linear trees"),
        pytest.param(LGBMClassifier(objective="multiclassova", **LIGHTGBM), "objective multiclassova", id="one by one"),
        pytest.param(XGBRegressor(booster="gblinear", **XGBOOST), "booster gblinear", id="no trees"),
        pytest.param(XGBClassifier(objective="binary:hinge", **XGBOOST), "objective binary:hinge", id="no shares"),
    ],
)
def test_a_form_that_has_no_twin_is_refused_with_its_name(model: Any, reason: str) -> None:
    matrix = make_matrix(200, 1)
    count = 3 if "multiclass" in reason else 2
    model.fit(matrix, kinds(count)(matrix) if hasattr(model, "predict_proba") else amounts(matrix))
    with pytest.raises(NotImplementedError, match=reason):
        ensembles.scores(Graph(InputForm(), 5), INPUT, model)
