"""The winner beside the champion, on the rows that neither was trained on."""

from typing import Any

import numpy as np

from mlyard_training_pipeline.evidence import classification
from mlyard_training_pipeline.evidence.answers import Answers
from mlyard_training_pipeline.evidence.classification import Labels
from mlyard_training_pipeline.tracking.references import Evaluation


def gain(axes: Any, evaluation: Evaluation, metric: str) -> None:
    """The interval of the gain, beside no gain at all."""
    found = evaluation.gain
    assert found is not None  # noqa: S101 - there is no such plot without a comparison
    ends = [[found.value - found.low], [found.high - found.value]]
    axes.errorbar([found.value], [0], xerr=ends, fmt="o", capsize=6)
    axes.axvline(0, linestyle=":", color="grey")
    axes.set_yticks([])
    scores = f"{evaluation.score:.4g} against {evaluation.champion_score:.4g}"
    axes.set(xlabel=f"gain in {metric}, {found.level:.4g} interval over {found.rows} rows", title=f"{metric} {scores}")


def answers(axes: Any, winner: Answers, champion: Answers, names: tuple[str, str], labels: Labels | None) -> None:
    """What each says: errors of a regression, the ROC of two classes, or how much of each class is found."""
    pair = tuple(zip((winner, champion), names, strict=True))
    if labels is None:
        for one, name in pair:
            axes.ecdf(np.abs(one.truth - one.found.labels), label=name)
        axes.set(xlabel="absolute error, at most", ylabel="share of rows", title="Errors")
    elif len(labels.classes) == 2 and all(one.found.probabilities is not None for one, _ in pair):
        for one, name in pair:
            classification.roc(axes, one, labels, of=name)
    else:
        classes = [label for label in range(len(labels.classes)) if (winner.truth == label).any()][:30]
        for place, (one, name) in enumerate(pair):
            recalls = [float((one.found.labels[one.truth == label] == label).mean()) for label in classes]
            axes.barh(np.arange(len(classes)) + 0.4 * place, recalls, height=0.4, label=name)
        axes.set_yticks(np.arange(len(classes)) + 0.2, [labels.name(label) for label in classes])
        axes.set(xlabel="share of the class that is found", title="Recall")
        axes.figure.set_layout_engine(classification.BY_LABELS)
    axes.legend()
