"""The metrics that a spec may choose: scikit-learn's scorers, and which way is better."""

from typing import Literal, NamedTuple

Task = Literal["classification", "regression"]
MetricName = Literal["accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "rmse", "mae", "r2"]


class Metric(NamedTuple):
    """A metric: scikit-learn's scorer (greater is better) and whether the metric itself is the scorer's negative."""

    task: Task
    scorer: str
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
    "roc_auc": Metric("classification", "roc_auc_ovr_weighted"),
    "log_loss": Metric("classification", "neg_log_loss", negated=True),
    "rmse": Metric("regression", "neg_root_mean_squared_error", negated=True),
    "mae": Metric("regression", "neg_mean_absolute_error", negated=True),
    "r2": Metric("regression", "r2"),
}
