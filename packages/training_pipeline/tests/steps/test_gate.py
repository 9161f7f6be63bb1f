from collections.abc import Callable
from typing import Any

import pytest
from mlyard_shared.gate import Gain, GateReport
from mlyard_shared.metrics import METRICS
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.steps.gate import judge
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation

Spec = Callable[..., ModelSpec]


def verdict(made: ModelSpec, score: float, champion: float | None, spread: float = 0.01, **more: Any) -> GateReport:
    """The verdict where the interval of the gain ends so much on either side of it."""
    facts: dict[str, Any] = {
        "winner": CandidateRun(candidate="logistic", run_id="r", score=0.9, deviation=0.1),
        "score": score,
        "champion_version": None if champion is None else 4,
        "champion_score": champion,
        "not_comparable": None,
        "holdout_rows": 50,
        "metrics": {},
    }
    if champion is not None:
        value = METRICS[made.metric].gain(candidate=score, champion=champion)
        facts["gain"] = Gain(value=value, low=value - spread, high=value + spread, level=0.99, rows=50)
    return judge(made, Evaluation.model_validate({**facts, **more}))


def test_the_first_version_passes(spec: Spec) -> None:
    report = verdict(spec(), 0.8, None)
    assert report.verdict == "passed: there is no champion yet, and logistic has accuracy 0.8"


def test_a_candidate_that_ties_does_not_replace_the_champion(spec: Spec) -> None:
    report = verdict(spec(), 0.8, 0.8, spread=0.0)
    assert report.outcome == "not passed"
    assert report.verdict == (
        "not passed: accuracy 0.8 does not surely beat champion 4, which has 0.8: a gain of +0, between +0 and +0 "
        "(0.99 interval over 50 rows)"
    )


def test_a_gain_has_to_be_sure(spec: Spec) -> None:
    assert verdict(spec(), 0.85, 0.8, spread=0.049).outcome == "passed"
    assert verdict(spec(), 0.85, 0.8, spread=0.051).outcome == "not passed"


@pytest.mark.parametrize(("low", "passed"), [(0.25, False), (0.26, True)], ids=["by the margin", "by more than it"])
def test_a_margin_has_to_be_exceeded(spec: Spec, low: float, passed: bool) -> None:
    gain = Gain(value=0.5, low=low, high=0.75, level=0.99, rows=50)
    assert verdict(spec(gate={"margin": 0.25}), 0.9, 0.4, gain=gain).passed == passed


def test_of_an_error_less_is_better(regression: Spec) -> None:
    assert verdict(regression(), 3.0, 4.0).passed
    assert not verdict(regression(), 4.0, 3.0).passed


@pytest.mark.parametrize(("spread", "passed"), [(0.01, True), (0.04, False)], ids=["sure", "may be worse"])
def test_a_refresh_must_not_be_worse_by_more_than_the_margin(spec: Spec, spread: float, passed: bool) -> None:
    report = verdict(spec(gate={"rule": "refresh", "margin": 0.02}), 0.8, 0.8, spread=spread)
    assert report.passed == passed
    relation = "is not worse than" if passed else "may be worse than"
    assert f"accuracy 0.8 {relation} champion 4 by more than 0.02, which has 0.8" in report.verdict
    # The other rule asks for more of the same candidate.
    assert not verdict(spec(gate={"margin": 0.02}), 0.8, 0.8, spread=spread).passed


FEW: dict[str, Any] = {"shortage": "only 4 of 304 rows held out are of class 'yes', and f_beta needs 10"}


def test_without_enough_rows_the_gate_says_neither_yes_nor_no(spec: Spec) -> None:
    for score in (0.9, 0.1):
        report = verdict(spec(), score, 0.5, **FEW)
        assert report.outcome == "unknown"
        assert not report.passed
        assert report.verdict.startswith("unknown: only 4 of 304 rows held out are of class 'yes'")
    assert verdict(spec(gate={"minimum": 0.5}), 0.8, None, **FEW).outcome == "unknown"
    assert verdict(spec(), 0.8, None, **FEW).outcome == "passed"


def test_a_champion_that_too_few_rows_are_left_for_is_not_known_to_be_worse(spec: Spec) -> None:
    few: dict[str, Any] = {"champion_version": 4, "not_comparable": "only 3 rows were held out from both"}
    few["shortage"] = few["not_comparable"]
    assert verdict(spec(), 0.9, None, **few).outcome == "unknown"
    replaced = spec(gate={"unjudged": "replace", "minimum": 0.5})
    assert verdict(replaced, 0.9, None, **few).outcome == "passed"


def test_the_report_tells_what_may_be_luck(spec: Spec) -> None:
    lucky: dict[str, Any] = {"uses": 9, "standard_error": 0.01, "metrics": {"accuracy": 0.5}}
    report = verdict(spec(), 0.7, None, **lucky)
    assert report.holdout_uses == 9
    assert report.notes[0].startswith("the holdout was used by 9 trainings: of 9 equally good models the best")
    assert report.notes[1].startswith("accuracy is 0.9 over the folds and 0.5 on the holdout: a gap of 0.4")
    assert verdict(spec(), 0.9, None).notes == ()


def test_the_minimum_holds_for_the_first_version_too(spec: Spec, regression: Spec) -> None:
    assert not verdict(spec(gate={"minimum": 0.9}), 0.89, None).passed
    assert verdict(spec(gate={"minimum": 0.9}), 0.9, None).passed
    assert not verdict(regression(gate={"minimum": 3.0}), 3.1, None).passed


LOST: dict[str, Any] = {
    "champion_version": 4,
    "not_comparable": "the registry at http://r has lost the files of version 4 of mixed",
}


def test_a_champion_that_cannot_be_judged_stays_and_the_way_out_is_named(spec: Spec) -> None:
    report = verdict(spec(), 0.99, None, **LOST)
    assert not report.passed
    assert report.not_comparable == LOST["not_comparable"]
    assert report.verdict == (
        "not passed: champion 4 cannot be compared with it: the registry at http://r has lost the files of version 4 "
        'of mixed; to replace it all the same, set gate.unjudged = "replace" and gate.minimum in the spec, or '
        "promote the new version by hand"
    )


@pytest.mark.parametrize(("score", "passed"), [(0.9, True), (0.89, False)], ids=["reaches it", "misses it"])
def test_a_champion_that_cannot_be_judged_is_replaced_by_what_reaches_the_minimum_if_the_spec_says_so(
    spec: Spec, score: float, passed: bool
) -> None:
    report = verdict(spec(gate={"unjudged": "replace", "minimum": 0.9}), score, None, **LOST)
    assert report.passed == passed
    assert "champion 4 cannot be compared with it: the registry at http://r has lost" in report.verdict
    assert 'gate.unjudged = "replace" lets the minimum decide alone' in report.verdict


def test_a_champion_that_can_be_judged_is_not_replaced_for_reaching_the_minimum(spec: Spec) -> None:
    assert not verdict(spec(gate={"unjudged": "replace", "minimum": 0.5}), 0.8, 0.9).passed


def test_a_replacement_without_a_minimum_is_refused(spec: Spec) -> None:
    with pytest.raises(ValueError, match="needs a minimum"):
        spec(gate={"unjudged": "replace"})
