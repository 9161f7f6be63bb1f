"""What holds of every verdict, whatever the scores are."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from mlyard_shared.gate import Condition, Gain, Outcome
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.steps.gate import judge
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation

from ..conftest import make_spec

QUICK = settings(max_examples=150, deadline=None, database=None)
SCORES = st.floats(0, 1)
WIDTHS = st.floats(0, 0.5)
OUTCOMES = st.sampled_from(["passed", "not passed", "unknown"])
RANK = {"not passed": 0, "unknown": 1, "passed": 2}


def outcome(spec: ModelSpec, score: float, champion: float | None, below: float, **more: Any) -> Outcome:
    facts: dict[str, Any] = {
        "winner": CandidateRun(candidate="logistic", run_id="r", score=score, deviation=0.1),
        "score": score,
        "champion_version": None if champion is None else 4,
        "champion_score": champion,
        "not_comparable": None,
        "holdout_rows": 50,
        "metrics": {},
    }
    if champion is not None:
        gain = score - champion
        facts["gain"] = Gain(value=gain, low=gain - below, high=gain + below, level=0.99, rows=50)
    return judge(spec, Evaluation.model_validate({**facts, **more})).outcome


@QUICK
@given(score=SCORES, champion=SCORES, below=WIDTHS, margin=st.floats(0.001, 0.3))
def test_who_beats_the_champion_is_not_worse_than_it(
    score: float, champion: float, below: float, margin: float
) -> None:
    better = outcome(make_spec(gate={"margin": margin}), score, champion, below)
    refresh = outcome(make_spec(gate={"margin": margin, "rule": "refresh"}), score, champion, below)
    assert RANK[better] <= RANK[refresh]
    if better == "passed":
        assert score > champion + margin


@QUICK
@given(score=SCORES, champion=SCORES, below=WIDTHS, wider=WIDTHS, minimum=SCORES)
def test_less_certainty_or_another_demand_never_makes_a_verdict_better(
    score: float, champion: float, below: float, wider: float, minimum: float
) -> None:
    first = outcome(make_spec(), score, champion, below)
    assert RANK[outcome(make_spec(), score, champion, below + wider)] <= RANK[first]
    assert RANK[outcome(make_spec(gate={"minimum": minimum}), score, champion, below)] <= RANK[first]
    assert RANK[outcome(make_spec(), score, champion, below, shortage="few rows")] <= RANK["unknown"]


@QUICK
@given(score=SCORES, champion=st.none() | SCORES, below=WIDTHS, asked=st.lists(OUTCOMES, max_size=4))
def test_the_worst_condition_is_the_verdict(
    score: float, champion: float | None, below: float, asked: list[Outcome]
) -> None:
    conditions = tuple(Condition(name="size", outcome=one, reason="so it is") for one in asked)
    first = outcome(make_spec(), score, champion, below)
    expected = min([first, *asked], key=RANK.__getitem__)
    assert outcome(make_spec(), score, champion, below, conditions=conditions) == expected
