from mlyard_training_pipeline.steps.evaluate import best
from mlyard_training_pipeline.tracking.references import CandidateRun


def run(name: str, score: float) -> CandidateRun:
    return CandidateRun(candidate=name, run_id=name, score=score, deviation=0.0)


def test_the_winner_has_the_best_mean_over_the_folds_and_of_equals_the_spec_names_it_first() -> None:
    runs = [run("c", 0.9), run("b", 0.9), run("a", 0.1)]
    assert best(runs, order=("a", "b", "c"), negated=False).candidate == "b"
    assert best(runs, order=("a", "b", "c"), negated=True).candidate == "a"
