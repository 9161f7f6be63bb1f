import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from mlyard_training_pipeline.versions.onnx import conversion
from mlyard_training_pipeline.versions.onnx.conversion import convert, is_ours, main

Fit = Callable[..., Any]


@pytest.mark.parametrize(
    ("path", "precision", "outputs"),
    [
        pytest.param(
            "sklearn.ensemble.RandomForestClassifier",
            "tensor(float)",
            [("label", "tensor(int64)", 1), ("probabilities", "tensor(double)", 2)],
            id="a classifier of trees",
        ),
        pytest.param("sklearn.linear_model.Ridge", "tensor(double)", [("variable", "tensor(double)", 1)], id="numbers"),
    ],
)
def test_a_twin_has_the_input_and_the_outputs_that_the_api_expects(
    fitted: Fit, path: str, precision: str, outputs: list[tuple[str, str, int]]
) -> None:
    made = fitted(path)
    model = convert(made.pipeline, width=8, form=made.rows.form)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert [(value.name, value.type, value.shape[1:]) for value in session.get_inputs()] == [("inputs", precision, [8])]
    assert [(value.name, value.type, len(value.shape)) for value in session.get_outputs()] == outputs


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("sklearn.ensemble.GradientBoostingRegressor", True),
        ("sklearn.linear_model.LogisticRegression", True),
        ("sklearn.linear_model.Lasso", True),
        ("sklearn.linear_model.SGDClassifier", False),
        ("sklearn.linear_model.RANSACRegressor", False),
        ("sklearn.naive_bayes.GaussianNB", False),
    ],
)
def test_what_takes_no_library_is_converted_without_a_process(fitted: Fit, path: str, ours: bool) -> None:
    assert is_ours(fitted(path).pipeline[-1]) == ours


@pytest.mark.parametrize(
    ("path", "parameters", "reason"),
    [
        pytest.param("sklearn.calibration.CalibratedClassifierCV", {"method": "isotonic"}, "isotonic", id="isotonic"),
        pytest.param("sklearn.neighbors.KNeighborsRegressor", {}, "at the same distance", id="neighbours"),
    ],
)
def test_an_estimator_that_is_known_to_convert_wrongly_is_refused(
    fitted: Fit, path: str, parameters: dict[str, Any], reason: str
) -> None:
    made = fitted(path, **parameters)
    with pytest.raises(NotImplementedError, match=reason):
        convert(made.pipeline, width=8, form=made.rows.form)


def test_a_file_that_is_not_a_pipeline_ends_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m").write_bytes(b"nonsense")
    assert main([str(tmp_path / "m"), str(tmp_path / "o"), "1", "float64", "60", str(2**32)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_our_own_conversions_import_no_library_of_converters() -> None:
    code = f"import sys, {conversion.__name__}; sys.exit('skl2onnx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
