"""Plots of a classification: how well classes are told apart, what probabilities are worth, and what is mixed up."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.columns.canonical import typed_text
from mlyard_shared.decision import Decision
from mlyard_shared.features import Array
from mlyard_shared.metrics import MetricName

from mlyard_training_pipeline.candidates import predictions, scoring
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.data.dataset import Class
from mlyard_training_pipeline.evidence.answers import Answers

Plot = Callable[[Any], None]
"""Draws on the axes that it is given."""

BY_LABELS = "constrained"
"""The layout of a figure whose labels have any length. It draws twice."""

_CURVES = 6
"""Classes of which each has a curve: those with the most rows."""
_NAMED = 30
"""Classes that a confusion matrix can name."""
_CUTS = 60
_FEW = 4_000
"""Rows that the metrics at each threshold are computed of."""


class Labels(NamedTuple):
    """What the answers of a classification mean: its classes, the metrics' parameters, and what makes labels."""

    classes: tuple[Class, ...]
    measures: Measures
    rule: Decision | None

    def name(self, label: int) -> str:
        """A class as a text."""
        return str(typed_text(self.classes[label]))


def plots(answers: Answers, labels: Labels) -> Mapping[str, Plot]:
    """The plots that these answers allow, by their names."""
    found: dict[str, Plot] = {}
    if len(labels.classes) <= _NAMED:
        found["confusion_matrix"] = lambda axes: _confusion(axes, answers, labels)
    if answers.found.probabilities is None:
        return found
    found["roc"] = lambda axes: roc(axes, answers, labels)
    found["precision_recall"] = lambda axes: _precision_recall(axes, answers, labels)
    found["calibration"] = lambda axes: _calibration(axes, answers, labels)
    if len(labels.classes) == 2:
        found["threshold"] = lambda axes: _thresholds(axes, answers, labels)
    return found


def roc(axes: Any, answers: Answers, labels: Labels, *, of: str = "") -> None:
    """The receiver operating characteristic of each class that is looked at; `of` is whose, where there are several."""
    from sklearn.metrics import RocCurveDisplay

    for label, truth, scores in _curves(answers, labels):
        RocCurveDisplay.from_predictions(
            truth, scores, sample_weight=answers.weights, name=of or labels.name(label), ax=axes
        )
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")


def _precision_recall(axes: Any, answers: Answers, labels: Labels) -> None:
    from sklearn.metrics import PrecisionRecallDisplay

    for label, truth, scores in _curves(answers, labels):
        PrecisionRecallDisplay.from_predictions(
            truth, scores, sample_weight=answers.weights, name=labels.name(label), ax=axes
        )
    axes.set(xlabel="recall", ylabel="precision", title="Precision and recall")


def _calibration(axes: Any, answers: Answers, labels: Labels) -> None:
    from sklearn.calibration import CalibrationDisplay

    for label, truth, scores in _curves(answers, labels):
        CalibrationDisplay.from_predictions(
            truth, np.clip(scores, 0, 1), n_bins=10, strategy="quantile", name=labels.name(label), ax=axes
        )
    axes.set(xlabel="mean predicted probability", ylabel="share of rows", title="Calibration, in bins of equal size")


def _confusion(axes: Any, answers: Answers, labels: Labels) -> None:
    from sklearn.metrics import ConfusionMatrixDisplay

    many = len(labels.classes) > 10
    axes.figure.set_layout_engine(BY_LABELS)  # before there is a bar of colours beside it
    ConfusionMatrixDisplay.from_predictions(
        answers.truth,
        answers.found.labels,
        labels=range(len(labels.classes)),
        display_labels=[labels.name(label) for label in range(len(labels.classes))],
        sample_weight=answers.weights,
        include_values=not many,
        values_format=None if answers.weights is None else ".3g",
        xticks_rotation="vertical" if many else "horizontal",
        cmap="Blues",
        colorbar=many,
        ax=axes,
    )
    axes.set(xlabel="predicted", ylabel="true", title="Confusion matrix")


def _thresholds(axes: Any, answers: Answers, labels: Labels) -> None:
    """What labels would be worth at other thresholds: their cost where it is known, else what they get right."""
    some, measures = answers.some(_FEW), labels.measures
    assert some.found.probabilities is not None  # noqa: S101 - there is no such plot without
    metrics: tuple[MetricName, ...] = (
        ("cost",) if measures.costs is not None else ("accuracy", "balanced_accuracy", "f_beta")
    )
    cuts = np.linspace(0.01, 0.99, _CUTS)
    decided = [
        predictions.decided(some.found.probabilities, Decision(kind="threshold", threshold=float(cut))) for cut in cuts
    ]
    for metric in metrics:
        values = [scoring.score(metric, some.truth, found, measures, some.weights) for found in decided]
        axes.plot(cuts, values, label="cost of a row" if metric == "cost" else metric)
    used = labels.rule.threshold if labels.rule is not None and labels.rule.threshold is not None else 0.5
    if labels.rule is None or labels.rule.costs is None:
        axes.axvline(used, linestyle=":", color="grey", label=f"the threshold in use, {used:g}")
    axes.set(xlabel=f"threshold for {labels.name(1)}", ylabel="", title="Labels at other thresholds")
    axes.legend()


def _curves(answers: Answers, labels: Labels) -> list[tuple[int, Array, Array]]:
    """Of each class that is looked at and that some rows are of: which rows are, and their scores."""
    probabilities = answers.found.probabilities
    assert probabilities is not None  # noqa: S101 - the plots are chosen so
    shares, counts = scoring.shares(probabilities), np.bincount(answers.truth, minlength=len(labels.classes))
    usable = [label for label in scoring.curves(labels.measures) if 0 < counts[label] < len(answers.truth)]
    shown = sorted(usable, key=lambda label: -counts[label])[:_CURVES]
    return [(label, answers.truth == label, shares[:, label]) for label in sorted(shown)]
