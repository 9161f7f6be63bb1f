from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlyard_shared.features import Array
from mlyard_shared.gate import Condition
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.judging.conditions import Subject, conditions
from mlyard_training_pipeline.judging.rows import Judged

Spec = Callable[..., ModelSpec]
ROWS = 400
TRUTH = np.arange(ROWS) % 2
PLACES = np.array(["north", "south"], dtype=object)[np.arange(ROWS) // 200]


def judge(spec: ModelSpec, labels: Array, *, places: Array = PLACES, probability: float = 0.9) -> Condition:
    """The only condition of a gate, over a candidate with these labels, each as sure as that."""
    shares = np.where(labels[:, None] == np.arange(2), probability, 1 - probability)
    subject = Subject(spec, Judged(TRUTH, 2), Predictions(labels, shares), Measures(2, 1), lambda _: places)
    (found,) = conditions(subject)
    return found


def wrong(*slices: slice) -> Array:
    """The true labels but for some rows."""
    labels = TRUTH.copy()
    for chosen in slices:
        labels[chosen] = 1 - labels[chosen]
    return labels


def test_a_gate_that_asks_for_nothing_has_no_conditions(spec: Spec) -> None:
    subject = Subject(spec(), Judged(TRUTH, 2), Predictions(TRUTH), Measures(2, 1), lambda _: PLACES)
    assert conditions(subject) == ()


def test_probabilities_have_to_be_calibrated(spec: Spec) -> None:
    asked = spec(gate={"calibration": 0.05})
    nine_of_ten = wrong(slice(0, ROWS, 20), slice(11, ROWS, 20))
    right = judge(asked, nine_of_ten, probability=0.9)
    assert (right.name, right.outcome) == ("calibration", "passed")
    too_sure = judge(asked, nine_of_ten, probability=0.999)
    assert too_sure.outcome == "not passed"
    assert too_sure.reason.startswith("the calibration error 0.0")
    assert too_sure.reason.endswith("is above gate.calibration = 0.05")


def test_few_rows_say_nothing_of_calibration(spec: Spec) -> None:
    asked, few = spec(gate={"calibration": 0.05}), np.arange(149)
    shares = np.column_stack([1 - TRUTH[few], TRUTH[few]]).astype(float)
    judged, found = Judged(TRUTH[few], 2), Predictions(TRUTH[few], shares)
    (condition,) = conditions(Subject(asked, judged, found, Measures(2, 1), lambda _: PLACES))
    assert condition.outcome == "unknown"
    assert condition.reason == "calibration: only 149 rows were held out, and 150 are needed"


SEGMENTS: dict[str, Any] = {"segments": {"column": "place", "minimum": 0.8}}


def test_every_segment_has_to_reach_the_floor(spec: Spec) -> None:
    good = judge(spec(gate=SEGMENTS), wrong(slice(0, 20), slice(200, 240)))
    assert (good.outcome, good.reason) == ("passed", "accuracy by place: each of 2 values reaches the required 0.8")
    bad = judge(spec(gate=SEGMENTS), wrong(slice(200, 250)))
    assert (bad.outcome, bad.reason) == ("not passed", "accuracy by place: south with 0.75 misses the required 0.8")


def test_a_segment_of_few_rows_is_not_known_to_reach_it(spec: Spec) -> None:
    places = PLACES.copy()
    places[:7] = "east"
    found = judge(spec(gate=SEGMENTS), TRUTH, places=places)
    assert found.outcome == "unknown"
    assert found.reason == (
        "accuracy by place: too few rows held out of east (7), and gate.segments.rows = 30 are needed"
    )
    # One that misses the floor decides all the same.
    assert judge(spec(gate=SEGMENTS), wrong(slice(200, 300)), places=places).outcome == "not passed"


def test_a_column_of_very_many_values_is_not_judged_by_them(spec: Spec) -> None:
    rows = np.arange(501) % 2
    asked = spec(gate=SEGMENTS)
    places = np.array([f"p{row}" for row in range(501)], dtype=object)
    subject = Subject(asked, Judged(rows, 2), Predictions(rows), Measures(2, 1), lambda _: places)
    (found,) = conditions(subject)
    assert (found.outcome, found.reason) == (
        "unknown",
        "segments: place has 501 values, and at most 500 are judged apart",
    )


def test_selection_rates_may_be_so_far_apart(spec: Spec) -> None:
    asked = {"fairness": {"column": "place", "selection_rate": 0.2}}
    more = np.where((PLACES == "north") & (np.arange(ROWS) % 10 == 0), 1, TRUTH)
    near = judge(spec(gate=asked), more)
    told = "selection rate by place: 0.6 of north and 0.5 of south, a gap"
    assert (near.name, near.outcome, near.reason) == ("fairness", "passed", f"{told} within the allowed 0.2")
    asked["fairness"]["selection_rate"] = 0.05
    far = judge(spec(gate=asked), more)
    assert (far.outcome, far.reason) == ("not passed", f"{told} of 0.1 where 0.05 is allowed")


def test_true_positive_rates_look_at_the_positive_class_alone(spec: Spec) -> None:
    asked = {"fairness": {"column": "place", "true_positive_rate": 0.1}}
    missed = np.where((PLACES == "south") & (np.arange(ROWS) % 4 == 1), 0, TRUTH)  # half of the positive ones
    found = judge(spec(gate=asked), missed)
    assert found.outcome == "not passed"
    assert found.reason.startswith("true positive rate by place: 1 of north and 0.5 of south, a gap of 0.5")
    # False alarms are none of its business.
    assert judge(spec(gate=asked), np.ones(ROWS, dtype=np.int64)).outcome == "passed"


def test_a_gap_that_few_rows_hide_is_not_known(spec: Spec) -> None:
    asked = {"fairness": {"column": "place", "true_positive_rate": 0.1, "selection_rate": 0.9, "rows": 150}}
    found = judge(spec(gate=asked), TRUTH)
    assert found.outcome == "unknown"
    assert "true positive rate by place: too few rows held out of north (100), south (100)" in found.reason


@pytest.mark.parametrize("value", [True, 3, "x"], ids=str)
def test_weights_count_in_rates(spec: Spec, value: Any) -> None:
    asked = spec(gate={"fairness": {"column": "place", "selection_rate": 0.05}})
    places = np.where(PLACES == "north", str(value), "south").astype(object)
    more = np.where((PLACES == "north") & (np.arange(ROWS) % 10 == 0), 1, TRUTH)
    light = np.where(more != TRUTH, 1e-6, 1.0)
    shares = np.column_stack([1 - more, more]).astype(float)
    subject = Subject(asked, Judged(TRUTH, 2, light), Predictions(more, shares), Measures(2, 1), lambda _: places)
    assert conditions(subject)[0].outcome == "not passed"  # 0.56 of those that count are selected
