"""The whole command, against a registry."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlyard_shared.engines import open_version
from mlyard_shared.errors import TrainingError
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.importing import import_pipeline
from mlyard_training_pipeline.notebooks import spec_file
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.tracking.context import Context
from rich.console import Console
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from skops import io as skops

from .conftest import NUMBERS, TEXTS
from .test_translation import IGNORING, LOGISTIC, fit, numbers, usual

Make = Callable[[ModelSpec], Dataset]
Spec = Callable[..., ModelSpec]


@pytest.fixture
def take(context: Context, notebook_spec: Spec, table: Path, tmp_path: Path) -> Callable[..., str]:
    """Import a pipeline, and return what was said."""

    def command(pipeline: Any, *, name: str, **options: Any) -> str:
        file, spec = tmp_path / "pipeline.skops", tmp_path / "spec.toml"
        skops.dump(pipeline, file)
        spec_file.write(notebook_spec(name=name), spec)
        said = io.StringIO()
        progress = Progress(steps=7, console=Console(file=said, width=500))
        import_pipeline(file, spec, context.settings, table=table, progress=progress, **options)
        return said.getvalue()

    return command


def test_a_notebooks_pipeline_becomes_a_version_that_answers_as_it_did(
    take: Callable[..., str], context: Context, frame: pd.DataFrame, made: Make, notebook_spec: Spec, tmp_path: Path
) -> None:
    rows = ~made(notebook_spec()).held_out
    trained_on = tmp_path / "trained.csv"
    frame[rows].to_csv(trained_on, index=False)
    original = fit(usual(LOGISTIC), frame[rows])
    assert "version 1 is the champion" in take(original, name="taken", trained_on=trained_on)
    champion = context.registry.find("taken", "champion")
    assert champion is not None
    run = context.tracking.get(champion.run_id)
    assert run.info.run_name.endswith(" · imported")
    assert [given.dataset.name for given in run.inputs.dataset_inputs] == ["table.csv"]
    assert not [name for name in run.data.metrics if name.startswith("cv_")]
    folder = tmp_path / "version"
    folder.mkdir()
    context.registry.download(champion, folder)
    version = open_version(folder, manifest_digest=champion.manifest_sha256)
    assert version.engine.name == "onnx", version.engine.reason
    assert version.manifest.candidate == "imported"
    assert version.manifest.holdout.fraction == 0.2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, as it is imported
        import mlflow.pyfunc
    answers = mlflow.pyfunc.load_model(str(folder)).predict(frame)
    asked = frame[[*NUMBERS, "new", *TEXTS]]
    assert answers["prediction"].tolist() == original.predict(asked).tolist()
    page = str(context.registry.client.get_model_version("taken", "1").description)
    assert "It was fitted elsewhere, and imported." in page
    assert "none of the" in page
    assert "`table.csv`" in page


def test_where_nobody_says_what_it_was_fitted_on_the_gate_does_not_let_it_pass(
    take: Callable[..., str], context: Context, frame: pd.DataFrame, table: Path
) -> None:
    said = take(fit(usual(LOGISTIC), frame), name="maybe_seen")
    assert "gate unknown" in said
    assert "may have been on the" in said
    assert context.registry.find("maybe_seen", "champion") is None
    challenger = context.registry.find("maybe_seen", "challenger")
    assert challenger is not None
    # Nothing is known to be held out from it, should it be promoted by hand.
    assert context.registry.manifest(challenger).holdout.fraction == 0.0
    said = take(fit(usual(LOGISTIC), frame), name="maybe_seen", trained_on=table)
    assert "rows of table.csv, on which it was fitted, are among the" in said
    assert context.registry.find("maybe_seen", "champion") is None


@pytest.mark.long
def test_columns_that_a_notebook_chose_by_their_type_are_taken_by_name(
    take: Callable[..., str], context: Context, frame: pd.DataFrame
) -> None:
    texts, numeric = make_column_selector(dtype_exclude="number"), make_column_selector(dtype_include="number")
    chosen = ColumnTransformer([("texts", IGNORING, texts), ("numbers", numbers(), numeric)])
    asked = frame.astype({"code": str})
    assert "version 1" in take(fit(make_pipeline(chosen, RandomForestClassifier(5)), asked), name="chosen")
    challenger = context.registry.find("chosen", "challenger")
    assert challenger is not None
    manifest = context.registry.manifest(challenger)
    assert manifest.onnx is not None, manifest.onnx_refused
    assert manifest.onnx.holds


def test_what_is_no_pipeline_of_scikit_learn_is_refused_before_anything_is_registered(
    take: Callable[..., str], context: Context, frame: pd.DataFrame
) -> None:
    class Own(LogisticRegression):  # type: ignore[misc]
        pass

    with pytest.raises(TrainingError, match="holds types that are not trusted"):
        take(fit(usual(Own(max_iter=1000)), frame), name="strange")
    with pytest.raises(TrainingError, match="does not take 'new'"):
        take(make_pipeline(numbers(), LOGISTIC).fit(frame[NUMBERS], frame["kind"]), name="narrow")
    assert context.registry.find("narrow", "challenger") is None
