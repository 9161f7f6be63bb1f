"""Plots of a regression: what is predicted against what was observed, and what is left over."""

from collections.abc import Mapping
from typing import Any, Literal

from mlyard_training_pipeline.evidence.answers import Answers
from mlyard_training_pipeline.evidence.classification import Plot

_POINTS = 2_000
"""Rows that are drawn; more are a blot."""


def plots(answers: Answers) -> Mapping[str, Plot]:
    """The plots, by their names."""
    return {
        "residuals": lambda axes: _errors(axes, answers, "residual_vs_predicted", "Residuals"),
        "predicted_against_observed": lambda axes: _errors(
            axes, answers, "actual_vs_predicted", "Predicted against observed"
        ),
    }


def _errors(
    axes: Any, answers: Answers, kind: Literal["residual_vs_predicted", "actual_vs_predicted"], title: str
) -> None:
    from sklearn.metrics import PredictionErrorDisplay

    some = answers.some(_POINTS)
    PredictionErrorDisplay.from_predictions(
        some.truth,
        some.found.labels,
        kind=kind,
        subsample=None,
        scatter_kwargs={"alpha": 0.5, "s": 12},
        ax=axes,
    )
    observed = "observed" if kind == "actual_vs_predicted" else "observed less predicted"
    axes.set(xlabel="predicted", ylabel=observed, title=title)
