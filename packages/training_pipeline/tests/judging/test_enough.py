import numpy as np
import pytest
from mlyard_shared.metrics import MetricName
from mlyard_training_pipeline.judging.enough import shortage
from mlyard_training_pipeline.judging.rows import Judged

RARE = Judged(np.repeat([0, 1], [300, 4]), 2)


@pytest.mark.parametrize("metric", ["average_precision", "roc_auc", "f_beta", "f1_macro", "balanced_accuracy", "cost"])
def test_rare_positives_are_too_few_for_a_metric_that_weighs_classes(metric: MetricName) -> None:
    expected = f"only 4 of 304 rows held out are of class 'yes', and {metric} needs 10"
    assert shortage(metric, RARE, ("no", "yes")) == expected
    assert shortage(metric, Judged(np.repeat([0, 1], [300, 10]), 2), ("no", "yes")) is None


def test_they_are_enough_for_a_metric_of_rows() -> None:
    assert shortage("accuracy", RARE, ("no", "yes")) is None


def test_groups_that_are_drawn_together_have_to_be_several() -> None:
    few = Judged(np.zeros(90), groups=np.arange(90) % 9)
    assert shortage("mae", few, ()) == "the 90 rows held out are of 9 groups, and 10 are needed"
    assert shortage("mae", few._replace(groups=np.arange(90) % 10), ()) is None


def test_a_handful_of_rows_is_too_few_for_anything() -> None:
    assert shortage("mae", Judged(np.zeros(9)), ()) == "only 9 rows were held out, and 10 are needed"
