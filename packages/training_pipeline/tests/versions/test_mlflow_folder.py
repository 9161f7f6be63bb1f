import io
import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlyard_shared.engines import choose
from mlyard_shared.manifest import Manifest
from mlyard_shared.pipelines import TRUSTED_TYPES
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.versions import mlflow_folder, signature, skops_file
from mlyard_training_pipeline.versions.signature import Interface

Fit = Callable[..., Any]
Package = Callable[..., tuple[Path, Manifest, Dataset]]
MOMENT = datetime(2026, 1, 31, 12, 30, 15, 250_000, tzinfo=UTC)
FOREST = "sklearn.ensemble.RandomForestClassifier"


@pytest.fixture
def written(fitted: Fit, tmp_path: Path) -> tuple[Path, Any]:
    """A version's folder without its manifest, and what it was fitted from."""
    folder = tmp_path / "ours"
    folder.mkdir()
    made = fitted(FOREST, n_estimators=5)
    skops_file.write(made.pipeline, folder / "model.skops")
    mlflow_folder.write(folder, interface(made), run_id="4711", created_at=MOMENT)
    return folder, made


def interface(made: Any) -> Interface:
    examples = {"size": 1.5, "count": 3, "arrived_ms": 5, "new": True, "colour": "red", "seen": "2026-01-31"}
    columns = tuple(
        column.model_copy(update={"example": examples.get(column.name, "a")}) for column in made.rows.schema.columns
    )
    return Interface(made.rows.schema.model_copy(update={"columns": columns}), frozenset(), ("x", "y"))


def test_the_folder_is_what_mlflow_itself_writes(written: tuple[Path, Any], tmp_path: Path) -> None:
    import pandas as pd
    from mlflow.models.model import Model
    from mlflow.sklearn import save_model

    ours, made = written
    theirs = tmp_path / "theirs"
    names = ("mlflow-skinny", "numpy", "onnxruntime", "pandas", "scikit-learn", "scipy", "skops")
    requirements = [f"{name}=={installed(name)}" for name in names]
    requirements.insert(1, f"mlyard-shared[models]=={installed('mlyard-shared')}")
    columns = interface(made).schema.columns
    example = pd.DataFrame({column.name: [column.example] for column in columns})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save_model(
            made.pipeline,
            str(theirs),
            serialization_format="skops",
            pip_requirements=requirements,
            skops_trusted_types=list(TRUSTED_TYPES),
            signature=signature.signature(interface(made)),
            input_example=example,
        )
    assert {file.name for file in ours.iterdir()} == {file.name for file in theirs.iterdir()}
    for name in ("python_env.yaml", "requirements.txt"):
        assert (ours / name).read_text().strip() == (theirs / name).read_text().strip()
    for name in ("input_example.json", "serving_input_example.json"):
        assert json.loads((ours / name).read_text()) == json.loads((theirs / name).read_text())
    # MLflow adds the version of pip where pip is installed, which it need not be.
    found = [line for line in (theirs / "conda.yaml").read_text().splitlines() if not line.startswith("- pip")]
    assert [line for line in (ours / "conda.yaml").read_text().splitlines() if not line.startswith("- pip")] == found
    left, right = (Model.load(str(folder / "MLmodel")).to_dict() for folder in (ours, theirs))
    own = {"model_uuid", "utc_time_created", "model_size_bytes", "flavors"}
    assert {key: value for key, value in left.items() if key not in own} == {
        key: value for key, value in right.items() if key not in own
    }
    assert left["flavors"]["sklearn"] == right["flavors"]["sklearn"]
    assert left.keys() == right.keys()
    assert left["utc_time_created"] == "2026-01-31 12:30:15.250000"


def test_mlflow_loads_the_pipeline(written: tuple[Path, Any]) -> None:
    import mlflow.sklearn

    folder, made = written
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = mlflow.sklearn.load_model(str(folder))
    assert (loaded.predict(made.rows.matrix) == made.pipeline.predict(made.rows.matrix)).all()


def test_mlflows_function_takes_the_columns_of_the_table(
    packaged: Package, mixed: Callable[..., dict[str, list[Any]]]
) -> None:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, as it is imported
        import mlflow.pyfunc
    folder, manifest, data = packaged(FOREST, n_estimators=5)
    table = pd.read_csv(io.StringIO(pd.DataFrame(mixed()).to_csv(index=False)))
    found = mlflow.pyfunc.load_model(str(folder)).predict(table)
    expected = choose(folder, manifest).predict(data.columns())
    assert [manifest.classes.index(label) for label in found["prediction"]] == expected.predictions.tolist()
    assert expected.probabilities is not None
    told = np.array([list(row.values()) for row in found["probabilities"]])
    assert (told == expected.probabilities).all()


def test_the_signature_says_what_a_version_takes_and_answers(packaged: Package) -> None:
    from mlflow.models.model import Model

    folder, manifest, _ = packaged(FOREST, n_estimators=5)
    found = Model.load(str(folder / "MLmodel")).signature
    assert [column.name for column in found.inputs] == [column.name for column in manifest.input_schema.columns]
    assert [column.required for column in found.inputs] == [not one.nullable for one in manifest.input_schema.columns]
    assert [column.name for column in found.outputs] == ["prediction", "probabilities"]


def test_the_same_training_gives_the_same_files(written: tuple[Path, Any]) -> None:
    folder, made = written
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    mlflow_folder.write(folder, interface(made), run_id="4711", created_at=MOMENT)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
