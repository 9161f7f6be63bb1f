"""The metrics that a spec may choose: which way is better, and scikit-learn's scorer where it has one."""

from typing import Literal, NamedTuple

Task = Literal["classification", "regression"]
MetricName = Literal[
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "f_beta",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "cost",
    "rmse",
    "mae",
    "mape",
    "pinball",
    "r2",
]


class Metric(NamedTuple):
    """A metric: its task, whether less of it is better, and scikit-learn's scorer (greater is better)."""

    task: Task
    scorer: str | None
    negated: bool = False

    def value(self, score: float) -> float:
        """The metric in its own sign, from a scorer's value."""
        return -score if self.negated else score

    def gain(self, *, candidate: float, champion: float) -> float:
        """How much better the candidate is, in units of the metric (negative: worse)."""
        return champion - candidate if self.negated else candidate - champion


METRICS: dict[MetricName, Metric] = {
    "accuracy": Metric("classification", "accuracy"),
    "balanced_accuracy": Metric("classification", "balanced_accuracy"),
    "f1_macro": Metric("classification", "f1_macro"),
    "f_beta": Metric("classification", None),
    "roc_auc": Metric("classification", "roc_auc_ovr_weighted"),
    "average_precision": Metric("classification", "average_precision"),
    "log_loss": Metric("classification", "neg_log_loss", negated=True),
    "brier": Metric("classification", "neg_brier_score", negated=True),
    "cost": Metric("classification", None, negated=True),
    "rmse": Metric("regression", "neg_root_mean_squared_error", negated=True),
    "mae": Metric("regression", "neg_mean_absolute_error", negated=True),
    "mape": Metric("regression", "neg_mean_absolute_percentage_error", negated=True),
    "pinball": Metric("regression", None, negated=True),
    "r2": Metric("regression", "r2"),
}
