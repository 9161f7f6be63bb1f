"""Whole trainings of models that scikit-learn does not hold alone, and of winners that are fitted once more."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest
from mlyard_shared import decision, features
from mlyard_shared.errors import TrainingError
from mlyard_shared.manifest import Manifest, verify_folder
from mlyard_shared.spec import ModelSpec
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.progress import Progress
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.training import run
from pyarrow import parquet
from rich.console import Console

Spec = Callable[..., ModelSpec]
Written = Callable[..., Path]


def trained(context: Context, file: Path, number: int, folder: Path) -> tuple[str, Manifest]:
    """What a training said, and its version's manifest after every file was checked."""
    told = io.StringIO()
    run(file, context.settings, progress=Progress(steps=9, console=Console(file=told, width=300)))
    version = context.registry.version(file.stem, number)
    folder.mkdir()
    context.registry.download(version, folder)
    return told.getvalue(), verify_folder(folder, manifest_digest=version.manifest_sha256)


@pytest.mark.long
@pytest.mark.parametrize("path", ["lightgbm.LGBMClassifier", "xgboost.XGBClassifier"])
def test_a_booster_is_trained_registered_and_compared_with(
    context: Context, spec: Spec, written: Written, mixed: Callable[[], Any], tmp_path: Path, path: str
) -> None:
    name = path.partition(".")[0]
    candidate = {"name": "leaves", "estimator": path, "parameters": {"n_estimators": 5}}
    file = written(tmp_path, spec(name=name, candidates=[candidate], folds=2))
    told, manifest = trained(context, file, 1, tmp_path / "first")
    assert "version 1 is the champion" in told
    assert [engine.kind for engine in manifest.engines if engine.whole] == ["onnx"]
    (twin,) = (engine.file for engine in manifest.engines if engine.whole)
    # As the API answers: from the columns of a request, by the twin and the manifest alone.
    (tmp_path / "asked").mkdir()
    parquet.write_table(pa.table(mixed()), tmp_path / "asked/snapshot.parquet")
    data = dataset.store.make(
        tmp_path / "asked/snapshot.parquet", tmp_path / "asked", context.tracking.spec_of(manifest.run_id)
    )
    columns = data.columns_for(manifest.input_schema, data.held_out)
    session = onnxruntime.InferenceSession(str(tmp_path / "first" / twin), providers=["CPUExecutionProvider"])
    inputs = features.twin_inputs(columns, manifest.input_schema, manifest.inputs)
    (probabilities,) = session.run(["probabilities"], inputs)
    assert manifest.decision is not None
    labels = decision.labels(probabilities, manifest.decision)
    assert float((labels == data.target[data.held_out]).mean()) == pytest.approx(manifest.metrics["holdout_accuracy"])
    told, _ = trained(context, file, 2, tmp_path / "second")
    assert "the champion stays" in told


def test_a_training_without_a_twin_registers_nothing_and_says_why(
    context: Context, spec: Spec, written: Written, tmp_path: Path
) -> None:
    neighbours = {"estimator": "sklearn.neighbors.KNeighborsClassifier"}
    within = {"leaves": {"estimator": "lightgbm.LGBMClassifier", "parameters": {"n_estimators": 3}}, "near": neighbours}
    candidate: dict[str, Any] = {"name": "vote", "estimator": "sklearn.ensemble.VotingClassifier"}
    candidate["parameters"] = {"estimators": within, "voting": "soft"}
    file = written(tmp_path, spec(name="untwinned", candidates=[candidate]))
    with pytest.raises(TrainingError, match="has no ONNX twin, without which nothing can serve it: it cannot"):
        run(file, context.settings, progress=Progress(steps=9, console=Console(file=io.StringIO())))
    assert context.registry.find("untwinned", "challenger") is None


def test_a_target_that_is_transformed_is_declared(
    context: Context, regression: Spec, written: Written, mixed: Callable[[], Any], tmp_path: Path
) -> None:
    columns = mixed() | {"amount": [str(abs(float(value)) + 1) for value in mixed()["amount"]]}
    candidate = {
        "name": "leaves",
        "estimator": "lightgbm.LGBMRegressor",
        "parameters": {"n_estimators": 20},
        "target_transform": "yeo_johnson",
    }
    file = written(tmp_path, regression(name="transformed", candidates=[candidate]), columns)
    _, manifest = trained(context, file, 1, tmp_path / "first")
    assert manifest.target_transform is not None
    assert manifest.target_transform.kind == "yeo_johnson"
    assert manifest.target_transform.power is not None
    assert manifest.metrics["holdout_r2"] > 0.3


@pytest.mark.long
def test_the_winner_is_fitted_once_more_on_all_but_the_newest_rows(
    context: Context, spec: Spec, written: Written, mixed: Callable[[], Any], tmp_path: Path
) -> None:
    moments = [str(datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=row)) for row in range(240)]
    columns = mixed() | {"seen": moments}
    candidate = {"name": "tree", "estimator": "sklearn.tree.DecisionTreeClassifier"}
    common: dict[str, Any] = {"candidates": [candidate], "event_time": "seen", "key": [], "folds": 2}
    plain = written(tmp_path, spec(name="plain", **common), columns)
    refitted = written(tmp_path, spec(name="refitted", holdout={"refit": 0.5}, **common), columns)
    _, first = trained(context, plain, 1, tmp_path / "first")
    _, second = trained(context, refitted, 1, tmp_path / "second")
    # It was judged on the same rows, before.
    assert first.metrics["holdout_accuracy"] == second.metrics["holdout_accuracy"]
    assert first.holdout.boundary == datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=192)
    assert second.holdout.boundary == datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=216)
    from mlyard_shared.pipelines import load_pipeline

    nodes = [load_pipeline(tmp_path / name / "model.skops")[-1].tree_ for name in ("first", "second")]
    assert [int(np.max(tree.weighted_n_node_samples)) for tree in nodes] == [192, 216]
    # The next one is compared on the rows that this one was not fitted on.
    trained(context, refitted, 2, tmp_path / "third")
    run_id = context.registry.version("refitted", 2).run_id
    (tmp_path / "report").mkdir()
    report = json.loads(context.tracking.fetch(str(run_id), "gate.json", tmp_path / "report").read_text())
    assert (report["champion_version"], report["holdout_rows"]) == (1, 24)


def test_nothing_within_the_embargo_is_fitted_before_or_after_the_judgement(
    context: Context, spec: Spec, written: Written, mixed: Callable[[], Any], tmp_path: Path
) -> None:
    moments = [str(datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=row)) for row in range(240)]
    candidate = {"name": "tree", "estimator": "sklearn.tree.DecisionTreeClassifier"}
    common: dict[str, Any] = {"candidates": [candidate], "event_time": "seen", "key": [], "folds": 2}
    chosen = spec(name="apart", holdout={"refit": 0.5, "embargo": "6h"}, **common)
    _, manifest = trained(context, written(tmp_path, chosen, mixed() | {"seen": moments}), 1, tmp_path / "first")
    from mlyard_shared.pipelines import load_pipeline

    assert manifest.card is not None
    assert (manifest.card.rows_trained, manifest.card.rows_held_out) == (187, 48)
    tree = load_pipeline(tmp_path / "first/model.skops")[-1].tree_
    assert int(np.max(tree.weighted_n_node_samples)) == 211
    assert manifest.holdout.boundary == datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=216)


@pytest.mark.long
def test_a_champion_of_a_stratified_holdout_is_judged_on_rows_that_it_was_kept_from(
    context: Context, spec: Spec, written: Written, mixed: Callable[[], Any], tmp_path: Path
) -> None:
    candidate = {"name": "tree", "estimator": "sklearn.tree.DecisionTreeClassifier"}
    chosen = spec(name="strata", holdout={"stratify": True, "fraction": 0.3}, candidates=[candidate], folds=2)
    columns = mixed()
    some = {name: values[:150] for name, values in columns.items()}
    _, first = trained(context, written(tmp_path, chosen, some), 1, tmp_path / "first")
    assert 0.15 <= first.holdout.fraction <= 0.3
    trained(context, written(tmp_path, chosen, columns), 2, tmp_path / "second")
    run_id = context.registry.version("strata", 2).run_id
    (tmp_path / "report").mkdir()
    report = json.loads(context.tracking.fetch(str(run_id), "gate.json", tmp_path / "report").read_text())
    assert report["champion_version"] == 1
    assert 20 < report["holdout_rows"] <= 0.3 * 240 + 2
