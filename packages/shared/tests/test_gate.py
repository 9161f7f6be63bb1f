import pytest
from mlyard_shared.gate import Condition, Gain, GateReport, Outcome, together
from pydantic import ValidationError

FACTS = {
    "metric": "rmse",
    "candidate": "ridge",
    "candidate_score": 2.0,
    "champion_version": 3,
    "champion_score": 2.5,
    "gain": Gain(value=0.5, low=0.1, high=0.9, level=0.99, rows=90),
    "minimum": None,
    "margin": 0.1,
    "holdout_rows": 90,
    "reasons": ("better than version 3", "no minimum is set"),
    "notes": ("the holdout was used by 7 trainings",),
}


@pytest.mark.parametrize(
    ("outcome", "passed"), [("passed", True), ("not passed", False), ("unknown", False)], ids=["yes", "no", "neither"]
)
def test_the_verdict_is_one_sentence_with_every_reason(outcome: Outcome, passed: bool) -> None:
    report = GateReport.model_validate({**FACTS, "outcome": outcome})
    assert report.passed == passed
    assert report.verdict == f"{outcome}: better than version 3; no minimum is set"
    assert GateReport.model_validate_json(report.model_dump_json()) == report


def condition(outcome: Outcome) -> Condition:
    return Condition(name="size", outcome=outcome, reason=f"its size has {outcome}")


def test_what_is_not_met_decides_over_what_is_not_known() -> None:
    assert together(["passed", "unknown", "not passed"]) == "not passed"
    assert together(["passed", "unknown"]) == "unknown"
    assert together(["passed", "passed"]) == together([]) == "passed"


def test_further_conditions_have_a_reason_each_and_never_make_a_verdict_better() -> None:
    report = GateReport.model_validate({**FACTS, "outcome": "unknown"})
    assert report.also([condition("passed")]).verdict == f"{report.verdict}; its size has passed"
    assert report.also([condition("not passed"), condition("passed")]).outcome == "not passed"
    assert report.also([]) == report


def test_there_is_no_fourth_outcome() -> None:
    with pytest.raises(ValidationError, match="outcome"):
        GateReport.model_validate({**FACTS, "outcome": "perhaps"})
