import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlyard_shared.errors import ModelNotFound, SpecError, TableError, TrainingError
from mlyard_shared.manifest import ONNX_FILE, verify_folder
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.registry import history
from mlyard_shared.registry.experiments import NOTE
from mlyard_shared.spec import ModelSpec
from mlyard_shared.views import VIEW
from mlyard_training_pipeline import training
from mlyard_training_pipeline.interruption import Interrupted
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.steps.extract import extract
from mlyard_training_pipeline.steps.train import train
from mlyard_training_pipeline.steps.validate import validate
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.trainings import abandon
from rich.console import Console

Spec = Callable[..., ModelSpec]
Written = Callable[..., Path]
Mixed = Callable[..., dict[str, list[Any]]]
FOREST = {
    "name": "forest",
    "estimator": "sklearn.ensemble.RandomForestClassifier",
    "parameters": {"n_estimators": 5},
    "grid": {"max_depth": [2, 3]},
}
LOGISTIC = {"name": "logistic", "estimator": "sklearn.linear_model.LogisticRegression"}


def run(context: Context, file: Path) -> str:
    """Train a spec and return what was printed."""
    output = io.StringIO()
    shown = Progress(steps=9, console=Console(file=output, soft_wrap=True, highlight=False))
    training.run(file, context.settings, progress=shown)
    return output.getvalue()


def status(context: Context, model: str) -> list[str]:
    experiment = context.tracking.experiment(model)
    return [found.info.status for found in context.tracking.search(experiment, mlyard__kind="training")]


def test_a_mixed_table_becomes_a_champion_whose_files_follow_the_contract(
    context: Context, spec: Spec, written: Written, tmp_path: Path
) -> None:
    printed = run(context, written(tmp_path / "specs", spec(name="champion", candidates=[LOGISTIC, FOREST])))
    version = context.registry.find("champion", "champion")
    assert version is not None
    (tmp_path / "version").mkdir()
    context.registry.download(version, tmp_path / "version")
    manifest = verify_folder(tmp_path / "version", manifest_digest=version.manifest_sha256)
    assert manifest.onnx is not None
    assert manifest.onnx.holds
    assert manifest.onnx.rows >= 10
    assert {ONNX_FILE, "model.skops", "MLmodel"} <= set(manifest.files)
    assert manifest.run_id == version.run_id
    assert {"cv_accuracy", "holdout_accuracy"} <= set(manifest.metrics)
    report = context.tracking.fetch(version.run_id, "gate.json", tmp_path)
    assert json.loads(report.read_text())["outcome"] == "passed"
    assert version.gate_report == f"runs:/{version.run_id}/gate.json"
    pipeline = load_pipeline(tmp_path / "version/model.skops")
    assert all(type(step).__module__.startswith("sklearn.") for _, step in pipeline.steps)
    assert pipeline.n_features_in_ == len(manifest.input_schema.input_names)
    assert status(context, "champion") == ["FINISHED"]
    parent = context.tracking.get(version.run_id)
    assert parent.info.run_name.endswith(f" · {manifest.candidate}")
    assert {"cv_accuracy", "holdout_accuracy"} <= set(parent.data.metrics)
    view = json.loads(context.registry.client.get_experiment(parent.info.experiment_id).tags[VIEW])
    assert {"metrics.`holdout_accuracy`", "metrics.`cv_accuracy`"} <= set(view["selectedColumns"])
    assert "there is no champion yet" in parent.data.tags[NOTE]
    forest, logistic = context.tracking.children(parent)
    assert {forest.info.run_name, logistic.info.run_name} == {"forest", "logistic"}
    by_name = {made.info.run_name: made.data.params for made in (forest, logistic)}
    assert (by_name["forest"]["n_estimators"], by_name["forest"]["min_samples_leaf"]) == ("5", "1")
    for made in (parent, forest, logistic):
        (table,) = (given.dataset for given in made.inputs.dataset_inputs)
        assert table.name == "mixed.csv"
        assert table.digest.startswith(manifest.snapshot.sha256[:12])
        columns = [column["name"] for column in json.loads(table.schema)["mlflow_colspec"]]
        assert columns == [*(column.name for column in manifest.input_schema.columns), "kind"]
    assert set(manifest.metrics) == {name for name in manifest.metrics if name.startswith(("cv_", "holdout_"))}
    assert "gate passed: there is no champion yet" in printed


def test_the_same_data_again_give_a_challenger_that_does_not_replace_the_champion(
    context: Context, regression: Spec, written: Written, tmp_path: Path
) -> None:
    file = written(tmp_path, regression(name="twice"))
    run(context, file)
    assert "does not surely beat champion 1" in run(context, file)
    champion, challenger = (context.registry.find("twice", alias) for alias in ("champion", "challenger"))
    assert champion is not None
    assert challenger is not None
    assert (champion.version, challenger.version) == (1, 2)
    assert [move.to_version for move in history(context.registry, "twice")] == [1]


def test_a_better_candidate_replaces_the_champion(
    context: Context, regression: Spec, written: Written, tmp_path: Path
) -> None:
    dummy = {"name": "mean", "estimator": "sklearn.dummy.DummyRegressor"}
    run(context, written(tmp_path, regression(name="better", candidates=[dummy])))
    assert "beats champion 1" in run(context, written(tmp_path, regression(name="better")))
    found = context.registry.find("better", "champion")
    assert found is not None
    assert found.version == 2


@pytest.mark.long
def test_a_retried_extract_and_a_retried_train_find_what_they_left(
    context: Context, spec: Spec, written: Written, tmp_path: Path
) -> None:
    file = written(tmp_path, spec(name="retried"))
    first = extract(context, file, run_key="one")
    assert extract(context, file, run_key="one") == first
    assert extract(context, file, run_key="two").run_id != first.run_id
    assert train(context, first, "logistic") == train(context, first, "logistic")
    parent = context.tracking.get(first.run_id)
    assert len(context.tracking.children(parent)) == 1


def test_an_edit_of_the_spec_in_the_middle_of_a_training_changes_nothing(
    context: Context, spec: Spec, written: Written, tmp_path: Path
) -> None:
    file = written(tmp_path, spec(name="edited"))
    started = extract(context, file, run_key="one")
    file.write_text("nonsense")
    assert validate(context, started) == ("logistic",)


def test_an_abandoned_training_counts_as_failed_and_a_finished_one_stays(
    context: Context, spec: Spec, written: Written, tmp_path: Path
) -> None:
    extract(context, written(tmp_path, spec(name="abandoned")), run_key="one")
    abandon(context, "abandoned", "one")
    abandon(context, "abandoned", "never seen")
    assert status(context, "abandoned") == ["FAILED"]


@pytest.mark.parametrize(
    ("changes", "columns", "error"),
    [
        pytest.param({}, {"kind": ["a"] * 240}, TableError, id="table"),
        pytest.param({"candidates": [{**LOGISTIC, "parameters": {"c": 1}}]}, {}, SpecError, id="parameter"),
        pytest.param(
            {"candidates": [{"name": "nu", "estimator": "sklearn.svm.NuSVC", "parameters": {"nu": 1.0}}]},
            {},
            TrainingError,
            id="estimator",
        ),
    ],
)
def test_a_training_that_fails_is_marked_so_and_registers_nothing(
    context: Context,
    spec: Spec,
    written: Written,
    mixed: Mixed,
    tmp_path: Path,
    changes: dict[str, Any],
    columns: dict[str, Any],
    error: type[Exception],
) -> None:
    name = f"failing-{error.__name__.lower()}"
    with pytest.raises(error):
        run(context, written(tmp_path, spec(name=name, **changes), mixed() | columns))
    assert status(context, name) == ["FAILED"]
    with pytest.raises(ModelNotFound):
        context.registry.version(name, 1)


def test_an_interrupted_training_is_marked_as_failed(
    context: Context, spec: Spec, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mlyard_training_pipeline.steps.train.search.search", interrupt)
    with pytest.raises(Interrupted, match="counts as failed, and its champion has not changed"):
        run(context, written(tmp_path, spec(name="interrupted")))
    assert status(context, "interrupted") == ["FAILED"]


@pytest.mark.long
@pytest.mark.parametrize("example", ["penguins", "diabetes"])
def test_an_example_passes_its_gate_with_a_twin_that_holds(
    context: Context, examples: Path, example: str, tmp_path: Path
) -> None:
    assert "gate passed" in run(context, examples / example / f"{example}.toml")
    version = context.registry.version(example, 1)
    (tmp_path / "version").mkdir()
    context.registry.download(version, tmp_path / "version")
    manifest = verify_folder(tmp_path / "version", manifest_digest=version.manifest_sha256)
    assert manifest.onnx is not None
    assert manifest.onnx.holds, manifest.onnx_refused
