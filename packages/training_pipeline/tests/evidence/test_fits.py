"""What fitting a candidate on a few rows once more says, with a clock that does not move by itself."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.candidates.search.bench import Bench
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.evidence import sample as samples
from mlyard_training_pipeline.evidence.allowance import Allowance
from mlyard_training_pipeline.evidence.importance import importance
from mlyard_training_pipeline.evidence.learning import curve
from mlyard_training_pipeline.evidence.sample import Sample
from mlyard_training_pipeline.tracking.references import CandidateRun

from ..candidates.conftest import made

__all__ = ["made"]


def drawn(plot: Any) -> Any:
    axes = Figure().subplots()
    plot(axes)
    return axes


def test_the_input_that_decides_matters_most(sample: Sample) -> None:
    axes = drawn(importance(sample, "mae", Allowance(0), "importance"))
    labels = [label.get_text() for label in axes.get_yticklabels()]
    widths = dict(zip(labels, (bar.get_width() for bar in axes.patches), strict=True))
    assert max(widths, key=lambda name: widths[name]) == "b"
    assert widths["b"] > 5
    assert abs(widths["a"]) < 1


def test_the_learning_curve_has_a_point_for_each_share_of_the_rows_in_the_metrics_own_sign(sample: Sample) -> None:
    axes = drawn(curve(sample, "mae", Allowance(0), "learning curve"))
    train, test = axes.get_lines()
    assert test.get_xdata().tolist() == [20, 40, 80, 140, 200]
    assert (test.get_ydata() > 0).all()
    assert test.get_ydata()[0] > test.get_ydata()[-1]
    assert train.get_ydata()[-1] == pytest.approx(test.get_ydata()[-1], rel=0.2)


def slow(sample: Sample, seconds: float) -> Sample:
    """Each scoring takes so long."""

    def score(*given: Any) -> float:
        time.sleep(seconds)
        return sample.score(*given)

    return sample._replace(score=score)


def test_a_curve_ends_where_the_next_point_would_take_too_long(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlyard_training_pipeline.evidence.allowance.LEAST", 1.0)
    allowance = Allowance(0)
    curve(slow(sample, 0.05), "mae", allowance, "learning curve")
    assert allowance.left > 0
    assert len(allowance.left_out) == 1
    assert allowance.left_out[0].startswith("no time for learning curve from ")


def test_importance_is_of_fewer_rows_where_all_of_them_take_too_long(sample: Sample) -> None:
    dear, fitted = sample._replace(seconds=0.02), []
    rows = Sample.fit

    def counted(self: Sample, given: Any) -> Any:
        fitted.append(len(given))
        return rows(self, given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sample, "fit", counted)
        assert importance(dear, "mae", Allowance(0), "importance") is not None
    (count,) = fitted
    assert 60 < count <= 90


def test_what_a_fit_takes_is_known_from_the_training(sample: Sample) -> None:
    allowance = Allowance(0)
    dear = sample._replace(seconds=1.0)
    assert curve(dear, "mae", allowance, "learning curve") is None
    assert importance(dear, "mae", allowance, "importance") is None
    assert allowance.spent < 1
    assert allowance.left_out == ["no time for learning curve from 20 rows on", "no time for importance"]


def test_a_sample_has_no_more_rows_than_it_may_and_keeps_the_folds_apart(
    made: Callable[..., Dataset],
    regression: Callable[..., ModelSpec],
    mixed: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(samples, "ROWS", 50)
    spec = regression(event_time="seen", weight="count", features={"leave_out": ["kind"]})
    data = made(mixed(), regression())
    bench = Bench(regression(), spec.candidates[0], data)
    trained = CandidateRun(candidate="ridge", run_id="r", score=1.0, deviation=0.0, seconds=2.0)
    taken = samples.take(bench, trained)
    assert taken.matrix.shape == (50, len(data.schema.input_names))
    assert sorted(np.concatenate([test for _, test in taken.splits])) == list(range(50))
    assert all(not set(fit) & set(test) for fit, test in taken.splits)
    assert taken.seconds == pytest.approx(2.0 / sum(len(fit) for fit, _ in bench.splits))
    assert np.isfinite(taken.score(taken.fit(np.arange(50)), taken.matrix, taken.target))
