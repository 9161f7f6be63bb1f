"""The folder of a model version: MLflow's model, its ONNX twin where one holds, and `mlyard.json` over all of it."""

import platform
import shutil
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mlyard_shared.decision import Decision
from mlyard_shared.features import Array
from mlyard_shared.gate import GateReport
from mlyard_shared.manifest import (
    BACKGROUND_FILE,
    MODEL_FILE,
    ONNX_FILE,
    EngineFile,
    HoldoutRule,
    Manifest,
    OnnxParity,
    folder_digests,
    write_manifest,
)
from mlyard_shared.manifest.current import Background, Conformal, Latency, TargetTransform
from mlyard_shared.metrics import Task
from mlyard_shared.pipelines import load_pipeline
from mlyard_shared.schema import InputForm, Schema
from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import estimators, targets
from mlyard_training_pipeline.candidates.predictions import DECISION
from mlyard_training_pipeline.data import reference
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.tracking.names import PIPELINE_FILE
from mlyard_training_pipeline.tracking.references import Evaluation, TrainingRun
from mlyard_training_pipeline.versions import budgets, card, contract1, fitted, latency, mlflow_folder, signature
from mlyard_training_pipeline.versions.fitted import Facts
from mlyard_training_pipeline.versions.onnx import comparison, probes
from mlyard_training_pipeline.versions.onnx.comparison import Rows, Twin
from mlyard_training_pipeline.versions.signature import Interface

BACKGROUND_ROWS = 100
_PACKAGES = (
    "mlyard-shared",
    "scikit-learn",
    "numpy",
    "scipy",
    "skops",
    "mlflow-skinny",
    "onnx",
    "skl2onnx",
    "onnxruntime",
)


class Training(NamedTuple):
    """What a version comes from: its spec, run and Dataset, the winner with its MLflow run, and its scores.

    `held_out` says which rows it was not fitted on where that are fewer than those that it was judged on, `report` what
    the gate has said.
    """

    spec: ModelSpec
    run: TrainingRun
    dataset: Dataset
    evaluation: Evaluation
    trained: Any
    held_out: HoldoutRule | None = None
    report: GateReport | None = None

    @property
    def candidate(self) -> Candidate:
        """The winner in the spec."""
        name = self.evaluation.winner.candidate
        return next(known for known in self.spec.candidates if known.name == name)

    @property
    def fitted_at(self) -> datetime:
        """When the winner's fit ended."""
        return datetime.fromtimestamp(self.trained.info.end_time / 1000, UTC)


def build(folder: Path, stored: Path, training: Training) -> str:
    """Write a version's folder and return the SHA-256 of its manifest.

    Args:
        folder: where it goes; made here.
        stored: the folder of the winner's fitted pipeline, as `fitted` wrote it.
        training: what it comes from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(stored / PIPELINE_FILE, folder / MODEL_FILE)
    form = InputForm(encoding="codes", precision=estimators.precision(training.candidate))
    facts = fitted.facts(stored)
    model = _of_skops(folder, training, form) if facts is None else _of_onnx(folder, stored, training, facts)
    is_older = training.run.contract == 1
    parity = _rewritten(folder, training, form) if is_older else None
    kept = tuple(engine for engine in model.engines if (folder / engine.file).is_file())
    model = model._replace(engines=kept)
    mlflow_folder.write(
        folder,
        _interface(training, form, conformal=None if is_older else training.evaluation.winner.conformal),
        run_id=training.run.run_id,
        created_at=training.fitted_at,
        whole=facts is None,
        packages=model.packages,
    )
    background = None if is_older else _background(folder, training.dataset)
    manifest = _manifest(folder, model, training, form, background)
    return write_manifest(folder, contract1.lowered(manifest, parity) if is_older else manifest)


def _rewritten(folder: Path, training: Training, form: InputForm) -> OnnxParity | None:
    dataset, task = training.dataset, training.spec.task
    some = dataset.columns(_sample(dataset.held_out, probes.MAX_ROWS))
    schema, scale = _schema(dataset.schema, form), scale_of(task, dataset)
    return contract1.rewrite(folder, schema, some, task=task, scale=scale, form=form)


def _interface(training: Training, form: InputForm, *, conformal: Conformal | None) -> Interface:
    dataset = training.dataset
    schema = _schema(dataset.schema, form)
    some = dataset.columns(_sample(dataset.training, probes.MAX_ROWS))
    whole = signature.whole_numbers(some, schema)
    return Interface(schema, whole, dataset.classes, conformal)


class _Model(NamedTuple):
    """What holds the model, and what is known of it."""

    engines: tuple[EngineFile, ...]
    twin: Twin
    probabilities: bool
    target_transform: TargetTransform | None
    packages: dict[str, str]
    latency: tuple[Latency, ...]


def _of_skops(folder: Path, training: Training, form: InputForm) -> _Model:
    pipeline = load_pipeline(folder / MODEL_FILE)
    rows = rows_to_compare(training.dataset, form)
    twin = comparison.make_twin(
        folder / MODEL_FILE,
        folder / ONNX_FILE,
        pipeline,
        rows,
        task=training.spec.task,
        scale=scale_of(training.spec.task, training.dataset),
        rule=_rule(training),
    )
    engines, taken = [EngineFile(kind="skops", file=MODEL_FILE)], [latency.of_skops(pipeline, rows.matrix[:1])]
    if (folder / ONNX_FILE).is_file():
        engines.append(EngineFile(kind="onnx", file=ONNX_FILE))
        taken.append(latency.of_onnx(folder / ONNX_FILE, rows.matrix[:1]))
    transform = targets.declared(training.candidate, pipeline[-1])
    return _Model(tuple(engines), twin, hasattr(pipeline, "predict_proba"), transform, {}, tuple(taken))


def _of_onnx(folder: Path, stored: Path, training: Training, facts: Facts) -> _Model:
    """A model that ONNX alone holds as a whole."""
    for name in (ONNX_FILE, *(engine.file for engine in facts.boosters)):
        shutil.copyfile(stored / name, folder / name)
    engines = (
        EngineFile(kind="skops", file=MODEL_FILE, whole=False),
        EngineFile(kind="onnx", file=ONNX_FILE),
        *facts.boosters,
    )
    form = InputForm(encoding="codes", precision=estimators.precision(training.candidate))
    taken = (latency.of_onnx(folder / ONNX_FILE, rows_to_compare(training.dataset, form).matrix[:1]),)
    twin = Twin(facts.parity, None)
    return _Model(engines, twin, facts.probabilities, facts.target_transform, facts.packages, taken)


def _rule(training: Training) -> Decision:
    return training.evaluation.winner.decision or DECISION


def _manifest(
    folder: Path, model: _Model, training: Training, form: InputForm, background: Background | None
) -> Manifest:
    spec, dataset, evaluation = training.spec, training.dataset, training.evaluation
    holdout = {f"holdout_{name}": value for name, value in evaluation.metrics.items()}
    return Manifest(
        model=spec.name,
        task=spec.task,
        target=spec.target,
        classes=dataset.classes,
        input_schema=_schema(dataset.schema, form),
        inputs=form,
        engines=model.engines,
        decision=_rule(training) if model.probabilities else None,
        target_transform=model.target_transform,
        reference=reference.feature_reference(dataset),
        candidate=training.candidate.name,
        estimator=training.candidate.estimator,
        metric=spec.metric,
        metrics={name: value for name, value in training.trained.data.metrics.items() if name.startswith("cv_")}
        | holdout,
        holdout=training.held_out or dataset.rule,
        snapshot=training.run.snapshot,
        run_id=training.run.run_id,
        trained_at=training.fitted_at,
        packages={
            "python": platform.python_version(),
            **{name: installed(name) for name in _PACKAGES},
            **model.packages,
        },
        onnx=model.twin.parity,
        onnx_refused=model.twin.refused,
        latency=model.latency,
        budgets=budgets.of(spec.gate),
        segments=tuple(column.name for column in dataset.schema.columns if column.name in spec.gate.columns.values()),
        conformal=evaluation.winner.conformal,
        background=background,
        card=card.make(spec, dataset, evaluation, training.report),
        files=folder_digests(folder),
    )


def _schema(schema: Schema, form: InputForm) -> Schema:
    """The schema of this version: only where inputs are rounded to float32 does a column lose digits."""
    if form.precision == "float32":
        return schema
    columns = tuple(column.model_copy(update={"rounded": False}) for column in schema.columns)
    return schema.model_copy(update={"columns": columns})


def rows_to_compare(dataset: Dataset, form: InputForm) -> Rows:
    """Rows of the holdout that a twin is compared on."""
    sample = _sample(dataset.held_out, probes.MAX_ROWS)
    return Rows(dataset.schema, form, dataset.matrix(sample, precision=form.precision))


def scale_of(task: Task, dataset: Dataset) -> float:
    """What differences of a regression are measured in: the standard deviation of the target."""
    return float(dataset.target[dataset.held_out].std()) if task == "regression" else 1.0


def _background(folder: Path, dataset: Dataset) -> Background:
    sample = _sample(dataset.training, BACKGROUND_ROWS)
    np.save(folder / BACKGROUND_FILE, dataset.matrix(sample, precision="float64"), allow_pickle=False)
    return Background(rows=int(sample.sum()))


def _sample(rows: Array, count: int) -> Array:
    """At most this many of the rows, from the whole length of the table."""
    positions = np.flatnonzero(rows)
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[positions[np.linspace(0, len(positions) - 1, min(count, len(positions))).astype(np.int64)]] = True
    return chosen
