import pytest
from mlyard_shared.gate import GateReport


@pytest.mark.parametrize(("passed", "start"), [(True, "passed: "), (False, "not passed: ")])
def test_the_verdict_is_one_sentence_with_every_reason(passed: bool, start: str) -> None:
    report = GateReport(
        passed=passed,
        metric="rmse",
        candidate="ridge",
        candidate_score=2.0,
        champion_version=3,
        champion_score=2.5,
        minimum=None,
        margin=0.1,
        holdout_rows=90,
        reasons=("better than version 3", "no minimum is set"),
    )
    assert report.verdict == f"{start}better than version 3; no minimum is set"
    assert GateReport.model_validate_json(report.model_dump_json()) == report
