from collections.abc import Callable
from typing import Any

import numpy as np
from mlyard_training_pipeline.versions.onnx import ensembles, preprocessing, probes

Fit = Callable[..., Any]


def test_thresholds_are_probed_below_at_and_above_in_both_precisions() -> None:
    threshold = 0.1 + 1e-12
    single = np.float32(threshold)
    found = set(probes.beside(np.array([threshold])).tolist())
    below, above = np.nextafter(single, np.float32(-1)), np.nextafter(single, np.float32(1))
    assert found == {threshold, np.nextafter(threshold, 1.0), float(single), float(below), float(above)}


def test_probes_of_the_largest_thresholds_are_numbers_that_a_request_may_hold() -> None:
    assert (
        np.abs(probes.beside(np.array([3.4028234663852886e38, -3.4028234663852886e38]))).max() <= 3.4028234663852886e38
    )


def test_every_threshold_of_a_small_ensemble_is_probed(fitted: Fit) -> None:
    made = fitted("sklearn.ensemble.HistGradientBoostingClassifier", max_iter=3)
    matrix = probes.rows(made.pipeline, made.rows.schema, made.rows.matrix)
    features, thresholds = ensembles.thresholds(made.pipeline[-1])
    inputs = preprocessing.number_inputs(made.pipeline)
    assert ensembles.size(made.pipeline[-1])[0] == 3
    for feature, threshold in zip(features.tolist(), thresholds.tolist(), strict=True):
        if feature in inputs:
            column = matrix[:, inputs[feature]]
            assert (column == threshold).any()
            assert (column == np.nextafter(threshold, np.inf)).any()


def test_large_ensembles_are_probed_by_a_sample_of_every_column(fitted: Fit, monkeypatch: Any) -> None:
    made = fitted("sklearn.ensemble.ExtraTreesClassifier", n_estimators=50)
    assert probes.limit(made.pipeline) > 10_000
    monkeypatch.setattr(probes, "_STEPS", 200_000)
    assert 300 < probes.limit(made.pipeline) < 800
    matrix = probes.rows(made.pipeline, made.rows.schema, made.rows.matrix)
    assert 300 < len(matrix) < 900
    assert matrix.dtype == np.float32


def test_nulls_new_categories_and_the_largest_numbers_are_probed(fitted: Fit) -> None:
    made = fitted("sklearn.linear_model.LogisticRegression")
    matrix = probes.rows(made.pipeline, made.rows.schema, made.rows.matrix)
    names = list(made.rows.schema.input_names)
    assert {-1, 0, 1, 2, 3} == set(matrix[:, names.index("colour")].tolist())
    assert set(range(-1, 8)) == set(matrix[:, names.index("site")].tolist())
    assert np.isnan(matrix[:, names.index("size")]).any()
    assert not np.isnan(matrix[:, names.index("count")]).any()
    assert matrix[:, names.index("count")].max() == 2**53 - 1
    assert np.nanmin(matrix[:, names.index("size")]) == -3.4028234663852886e38
    assert np.isnan(matrix[:, names.index("seen.days_since_epoch")]).any()
    empty = matrix[-1]
    assert [np.isnan(empty[names.index(name)]) for name in ("size", "new", "seen.month", "count")] == [True] * 3 + [
        False
    ]
