import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.pipelines import TRUSTED_TYPES
from mlyard_training_pipeline.versions import mlflow_folder, skops_file

Fit = Callable[..., Any]
MOMENT = datetime(2026, 1, 31, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def written(fitted: Fit, tmp_path: Path) -> tuple[Path, Any]:
    """A version's folder without its manifest, and what it was fitted from."""
    folder = tmp_path / "ours"
    folder.mkdir()
    made = fitted("sklearn.ensemble.RandomForestClassifier", n_estimators=5)
    skops_file.write(made.pipeline, folder / "model.skops")
    mlflow_folder.write(folder, run_id="4711", created_at=MOMENT)
    return folder, made


def test_the_folder_is_what_mlflow_itself_writes(written: tuple[Path, Any], tmp_path: Path) -> None:
    from mlflow.models.model import Model
    from mlflow.sklearn import save_model

    ours, made = written
    theirs = tmp_path / "theirs"
    names = ("mlflow-skinny", "numpy", "pandas", "scikit-learn", "scipy", "skops")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save_model(
            made.pipeline,
            str(theirs),
            serialization_format="skops",
            pip_requirements=[f"{name}=={installed(name)}" for name in names],
            skops_trusted_types=list(TRUSTED_TYPES),
        )
    assert {file.name for file in ours.iterdir()} == {file.name for file in theirs.iterdir()}
    assert (ours / "python_env.yaml").read_text() == (theirs / "python_env.yaml").read_text()
    assert (ours / "requirements.txt").read_text().strip() == (theirs / "requirements.txt").read_text().strip()
    # MLflow adds the version of pip where pip is installed, which it need not be.
    found = [line for line in (theirs / "conda.yaml").read_text().splitlines() if not line.startswith("- pip")]
    assert [line for line in (ours / "conda.yaml").read_text().splitlines() if not line.startswith("- pip")] == found
    left, right = (Model.load(str(folder / "MLmodel")).to_dict() for folder in (ours, theirs))
    own = {"model_uuid", "utc_time_created", "model_size_bytes"}
    assert {key: value for key, value in left.items() if key not in own} == {
        key: value for key, value in right.items() if key not in own
    }
    assert left.keys() == right.keys()
    assert left["utc_time_created"] == "2026-01-31 12:30:15.250000"


def test_mlflow_loads_the_model_and_its_function(written: tuple[Path, Any]) -> None:
    import mlflow.pyfunc
    import mlflow.sklearn

    folder, made = written
    expected = made.pipeline.predict(made.rows.matrix)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (mlflow.sklearn.load_model(str(folder)).predict(made.rows.matrix) == expected).all()
        assert (mlflow.pyfunc.load_model(str(folder)).predict(made.rows.matrix) == expected).all()


def test_the_same_training_gives_the_same_files(written: tuple[Path, Any]) -> None:
    folder, _ = written
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    mlflow_folder.write(folder, run_id="4711", created_at=MOMENT)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
