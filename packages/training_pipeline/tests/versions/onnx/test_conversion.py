from typing import Any

import numpy as np
import pytest
from mlyard_training_pipeline.versions.onnx.conversion import convert, main
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


@pytest.mark.parametrize(
    ("final", "reason"),
    [
        pytest.param(CalibratedClassifierCV(LogisticRegression(), method="isotonic"), "isotonic", id="isotonic"),
        pytest.param(
            HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]), "native categories", id="categories"
        ),
    ],
)
def test_an_estimator_that_is_known_to_convert_wrongly_is_refused(final: Any, reason: str) -> None:
    values = np.arange(60.0).reshape(-1, 1) % 6
    pipeline = make_pipeline("passthrough", final).fit(values, np.arange(60) % 2)
    with pytest.raises(NotImplementedError, match=reason):
        convert(pipeline, "d")


def test_a_file_that_is_no_pipeline_ends_with_one_line(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m").write_bytes(b"nonsense")
    assert main([str(tmp_path / "m"), str(tmp_path / "o"), "d"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
