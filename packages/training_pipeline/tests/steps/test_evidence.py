"""Plots of real trainings on a real MLflow store."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest
from mlyard_shared.errors import RegistryUnavailable
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.evidence import allowance, regression
from mlyard_training_pipeline.steps.evaluate import evaluate
from mlyard_training_pipeline.steps.evidence import evidence
from mlyard_training_pipeline.steps.extract import extract
from mlyard_training_pipeline.steps.gate import gate
from mlyard_training_pipeline.steps.promote import promote
from mlyard_training_pipeline.steps.register import register
from mlyard_training_pipeline.steps.train import train
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import CandidateRun, Evaluation, TrainingRun

Spec = Callable[..., ModelSpec]
Written = Callable[..., Path]
Columns = Callable[..., dict[str, list[str | None]]]
FOREST = {"name": "forest", "estimator": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimators": 5}}
SVC = {"name": "svc", "estimator": "sklearn.svm.LinearSVC"}
OF_CLASSES = {"roc", "precision_recall", "calibration", "confusion_matrix"}
OF_NUMBERS = {"residuals", "predicted_against_observed"}
OF_FITS = {"importance", "learning_curve"}


class Trained(NamedTuple):
    run: TrainingRun
    candidates: tuple[CandidateRun, ...]
    evaluation: Evaluation


@pytest.fixture
def drawing(context: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A context with evidence, and with time enough on a machine that is busy."""
    monkeypatch.setattr(allowance, "LEAST", 60.0)
    return dataclasses.replace(context, settings=context.settings.model_copy(update={"evidence": True}))


def trained(context: Context, file: Path, key: str = "manual__1") -> Trained:
    run = extract(context, file, run_key=key)
    spec = context.tracking.spec_of(run.run_id)
    candidates = tuple(train(context, run, candidate.name) for candidate in spec.candidates)
    return Trained(run, candidates, evaluate(context, run, candidates))


def plots(context: Context, run_id: str) -> set[str]:
    """The plots of a run by their names; each is an SVG document."""
    folder = Path(context.tracking.get(run_id).info.artifact_uri.removeprefix("file://"), names.PLOTS)
    files = list(folder.glob("*"))
    assert all(ET.parse(file).getroot().tag.endswith("svg") for file in files)
    return {file.stem for file in files}


def test_a_classification_shows_what_a_person_wants_to_see(
    drawing: Context, spec: Spec, mixed: Columns, written: Written, tmp_path: Path
) -> None:
    columns = mixed()
    columns["kind"] = ["large" if kind == "large" else "other" for kind in columns["kind"]]
    file = written(tmp_path, spec(name="two-classes", candidates=[FOREST, SVC]), columns)
    found = trained(drawing, file)
    assert evidence(drawing, *found).left_out == ()
    forest, svc = found.candidates
    assert plots(drawing, forest.run_id) == {"threshold"} | OF_CLASSES | OF_FITS
    # It gives no probabilities.
    assert plots(drawing, svc.run_id) == {"confusion_matrix"} | OF_FITS
    assert "confusion_matrix" in plots(drawing, found.run.run_id)
    assert 0 < float(drawing.tracking.get(found.run.run_id).data.tags[names.EVIDENCE_SECONDS]) < 60


@pytest.mark.long
def test_a_regression_shows_its_errors_and_the_winner_stands_beside_the_champion(
    drawing: Context, regression: Spec, written: Written, tmp_path: Path
) -> None:
    file = written(tmp_path, regression(name="beside"))
    first = trained(drawing, file)
    report = gate(drawing, first.run, first.evaluation)
    promote(drawing, first.run, register(drawing, first.run, first.evaluation, report), actor="test")
    assert evidence(drawing, *first).left_out == ()
    assert plots(drawing, first.run.run_id) == OF_NUMBERS
    assert plots(drawing, first.candidates[0].run_id) == OF_NUMBERS | OF_FITS
    second = trained(drawing, file, "manual__2")
    assert evidence(drawing, *second).left_out == ()
    assert plots(drawing, second.run.run_id) == OF_NUMBERS | {"against_champion"}


@pytest.fixture
def small(drawing: Context, regression: Spec, written: Written, tmp_path: Path) -> Trained:
    """A training of one candidate."""
    return trained(drawing, written(tmp_path, regression(name=f"small-{uuid4().hex[:8]}")))


def test_where_there_is_no_time_nothing_is_drawn_and_the_run_says_so(
    drawing: Context, small: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "LEAST", 0.0)
    monkeypatch.setattr(allowance, "SHARE", 0.0)
    shown = evidence(drawing, *small)
    assert shown.plots == 0
    assert "no time for ridge: importance and learning curve" in shown.left_out
    told = drawing.tracking.get(small.run.run_id).data.tags[names.LEFT_OUT]
    assert told == "; ".join(shown.left_out)
    assert plots(drawing, small.run.run_id) == set()


def test_a_plot_that_cannot_be_drawn_is_told_and_the_others_are_there(
    drawing: Context, small: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> dict[str, Any]:
        return {"broken": lambda axes: axes.nothing(), "line": lambda axes: axes.plot([1, 2])}

    monkeypatch.setattr(regression, "plots", broken)
    shown = evidence(drawing, *small)
    assert [text for text in shown.left_out if "ridge: broken: " in text]
    assert plots(drawing, small.run.run_id) == {"line"}


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(RegistryUnavailable("http://r:5000", "it answers 503"), id="registry", marks=pytest.mark.long),
        pytest.param(MemoryError(), id="memory"),
    ],
)
def test_evidence_that_fails_fails_no_training(
    drawing: Context, small: Trained, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(drawing.tracking, "fetch", fails)
    shown = evidence(drawing, *small)
    assert shown.plots == 0
    assert shown.left_out == (f"plots: {str(error) or 'MemoryError'}",)


@pytest.mark.long
def test_without_evidence_nothing_is_drawn(context: Context, small: Trained) -> None:
    assert evidence(context, *small) == (0, ())
    assert plots(context, small.run.run_id) == set()
