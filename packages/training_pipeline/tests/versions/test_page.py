from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.gate import Condition, GateReport, ValueScore
from mlyard_shared.manifest import Manifest
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation
from mlyard_training_pipeline.versions import page
from mlyard_training_pipeline.versions.page import MOST_CHARACTERS, Page

Package = Callable[..., tuple[Path, Manifest, Dataset]]
Spec = Callable[..., ModelSpec]
WINNER = CandidateRun(candidate="one", run_id="3", score=0.75, deviation=0.0123, parameters={"C": 10.0})
EVALUATION = Evaluation(
    winner=WINNER,
    score=0.7,
    champion_version=None,
    champion_score=None,
    not_comparable=None,
    holdout_rows=48,
    metrics={"accuracy": 0.7, "log_loss": 0.05, "balanced_accuracy": 1.0},
    errors={"accuracy": 0.05, "log_loss": 0.1, "balanced_accuracy": 0.0},
    candidates=(WINNER,),
)
REPORT = GateReport(
    outcome="passed",
    metric="accuracy",
    candidate="one",
    candidate_score=0.7,
    champion_version=None,
    champion_score=None,
    minimum=None,
    margin=0.0,
    holdout_rows=48,
    reasons=("there is no champion yet, and one has accuracy 0.7",),
    notes=("the holdout was used by 3 trainings",),
)


@pytest.fixture
def made(packaged: Package, spec: Spec) -> Page:
    _, manifest, dataset = packaged("sklearn.linear_model.LogisticRegression")
    return Page(spec(), manifest, EVALUATION, REPORT, len(dataset.names))


def sections(text: str) -> dict[str, str]:
    parts = text.split("### ")
    return {part.split("\n")[0]: part for part in parts[1:]} | {"": parts[0]}


def test_a_page_says_what_the_version_is_what_it_takes_and_how_good_it_is(made: Page) -> None:
    found = sections(page.of_version(made))
    assert list(found) == ["Data", "Scores", "How it was chosen", "Limits", "Inputs", "Serving", ""]
    assert "Predicts `kind`, one of `large`, `middle`, `small`" in found[""]
    assert "**accuracy 0.7** on 48 rows held out. The gate: **passed**." in found[""]
    assert "240 rows and 8 columns, 5 of them inputs" in found["Data"]
    card = made.manifest.card
    assert card is not None
    assert f"{card.rows_trained} rows to train on, {card.rows_held_out} held out (a hash of `id`" in found["Data"]
    assert "there is no champion yet" in found["How it was chosen"]
    assert "`C = 10.0`" in found["How it was chosen"]
    assert "the holdout was used by 3 trainings" in found["Limits"]
    assert "Categories that were not in training are refused: colour." in found["Limits"]
    assert "| `colour` | category | yes | blue, green, red |" in found["Inputs"]


def test_an_interval_lies_within_what_a_metric_can_be(made: Page) -> None:
    scores = sections(page.of_version(made))["Scores"]
    assert "| **accuracy** | 0.7 | 0.602 to 0.798 |" in scores
    assert "| log_loss (less is better) | 0.05 | 0 to 0.246 |" in scores
    assert "| balanced_accuracy | 1 | no error seen |" in scores


def test_segments_stand_with_the_worst_first(made: Page) -> None:
    values = (ValueScore(value="a|b", rows=30, score=0.9), ValueScore(value="c", rows=18, score=0.6))
    apart = Condition(name="segments", outcome="passed", reason="each reaches it", column="site", values=values)
    told = page.of_version(made._replace(evaluation=EVALUATION.model_copy(update={"conditions": (apart,)})))
    assert "| c | 18 | 0.6 |\n| a&#124;b | 30 | 0.9 |" in sections(told)["Segments"]


@pytest.mark.parametrize("length", [20, 500])
def test_a_page_is_never_longer_than_mlflow_stores(made: Page, length: int) -> None:
    columns: Any = [
        column.model_copy(update={"name": f"{column.name} {number} {'x' * length}"})
        for number in range(40)
        for column in made.manifest.input_schema.columns
        if column.type == "number"
    ]
    schema = made.manifest.input_schema.model_copy(update={"columns": tuple(columns)})
    long = made.manifest.model_copy(update={"input_schema": schema})
    text = page.of_version(made._replace(manifest=long))
    assert len(text) <= MOST_CHARACTERS
    assert "### Serving" in text


def test_the_page_of_the_model_says_what_it_predicts(spec: Spec) -> None:
    told = page.of_model(spec())
    assert told.startswith("Predicts `kind` from `")
    assert "by `accuracy`" in told
