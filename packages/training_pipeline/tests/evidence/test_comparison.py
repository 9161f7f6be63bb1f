from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from mlyard_shared.gate import Gain
from mlyard_training_pipeline.candidates.predictions import Predictions
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.evidence import comparison
from mlyard_training_pipeline.evidence.answers import Answers
from mlyard_training_pipeline.evidence.classification import Labels
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation

NAMES = ("forest", "champion 3")


def said(classes: int, *, probabilities: bool) -> Answers:
    draw = np.random.default_rng(classes)
    truth, shares = draw.integers(0, classes, 60), draw.dirichlet(np.ones(classes), 60)
    return Answers(truth, Predictions(shares.argmax(axis=1), shares if probabilities else None))


def drawn(given: Answers, labels: Labels | None) -> Any:
    axes = Figure().subplots()
    comparison.answers(axes, given, given, NAMES, labels)
    return axes


@pytest.mark.parametrize(
    ("classes", "probabilities", "title"),
    [(2, True, "ROC"), (2, False, "Recall"), (3, True, "Recall")],
    ids=["two classes", "no probabilities", "three classes"],
)
def test_both_stand_side_by_side(classes: int, probabilities: bool, title: str) -> None:
    labels = Labels(tuple(range(classes)), Measures(classes), None)
    labels = labels._replace(measures=Measures(classes, 1 if classes == 2 else None))
    axes = drawn(said(classes, probabilities=probabilities), labels)
    assert axes.get_title() == title
    legend = [text.get_text().partition(" (")[0] for text in axes.get_legend().get_texts()]
    assert legend == list(NAMES)


def test_of_a_regression_the_errors_stand_side_by_side() -> None:
    numbers = Answers(np.arange(5.0), Predictions(np.arange(5.0) + 1))
    axes = drawn(numbers, None)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(NAMES)


def test_the_gain_is_an_interval_beside_none() -> None:
    evaluation = Evaluation(
        winner=CandidateRun(candidate="forest", run_id="r", score=0.9, deviation=0.1),
        score=0.85,
        champion_version=3,
        champion_score=0.8,
        gain=Gain(value=0.05, low=0.01, high=0.09, level=0.99, rows=60),
        not_comparable=None,
        holdout_rows=60,
        metrics={},
    )
    axes = Figure().subplots()
    comparison.gain(axes, evaluation, "accuracy")
    assert axes.get_title() == "accuracy 0.85 against 0.8"
    assert axes.get_xlabel() == "gain in accuracy, 0.99 interval over 60 rows"
