from collections.abc import Callable
from typing import Any

import pytest
from mlyard_shared.gate import GateReport
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.steps.gate import judge
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation

Spec = Callable[..., ModelSpec]


def verdict(made: ModelSpec, score: float, champion: float | None, **more: Any) -> GateReport:
    facts = {
        "winner": CandidateRun(candidate="logistic", run_id="r", score=0.9, deviation=0.1),
        "score": score,
        "champion_version": None if champion is None else 4,
        "champion_score": champion,
        "not_comparable": None,
        "holdout_rows": 50,
        "metrics": {},
    }
    return judge(made, Evaluation.model_validate({**facts, **more}))


def test_the_first_version_passes(spec: Spec) -> None:
    report = verdict(spec(), 0.8, None)
    assert report.verdict == "passed: there is no champion yet, and logistic has accuracy 0.8"


def test_a_candidate_that_ties_does_not_replace_the_champion(spec: Spec) -> None:
    report = verdict(spec(), 0.8, 0.8)
    assert not report.passed
    assert report.reasons == ("accuracy 0.8 does not beat champion 4, which has 0.8",)


@pytest.mark.parametrize(("score", "passed"), [(0.85, False), (0.86, True)], ids=["by the margin", "by more than it"])
def test_a_margin_has_to_be_exceeded(spec: Spec, score: float, passed: bool) -> None:
    assert verdict(spec(gate={"margin": 0.25}), score - 0.1, 0.5).passed == passed


def test_of_an_error_less_is_better(regression: Spec) -> None:
    assert verdict(regression(), 3.0, 4.0).passed
    assert not verdict(regression(), 4.0, 3.0).passed


def test_the_minimum_holds_for_the_first_version_too(spec: Spec, regression: Spec) -> None:
    assert not verdict(spec(gate={"minimum": 0.9}), 0.89, None).passed
    assert verdict(spec(gate={"minimum": 0.9}), 0.9, None).passed
    assert not verdict(regression(gate={"minimum": 3.0}), 3.1, None).passed


LOST = {"champion_version": 4, "not_comparable": "the registry at http://r has lost the files of version 4 of mixed"}


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
