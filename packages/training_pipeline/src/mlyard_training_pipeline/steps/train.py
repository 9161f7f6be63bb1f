"""Step 3: train one candidate, and judge it by cross-validation alone."""

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlyard_shared.errors import RegistryError
from mlyard_shared.schema import InputForm
from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import conformal, estimators, resources, search
from mlyard_training_pipeline.candidates.resources import Place
from mlyard_training_pipeline.data import dataset
from mlyard_training_pipeline.data.dataset import Dataset
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import CandidateRun, TrainingRun
from mlyard_training_pipeline.versions import fitted, packaging

RESULT = "mlyard.result"


def train(context: Context, run: TrainingRun, candidate: str) -> CandidateRun:
    """Search a candidate's grid over the folds, fit the best on every training row, and store it with its run.

    A candidate that this training has finished before is found rather than trained again, unless its file is lost.

    Raises:
        TrainingError: the estimator does not take this table, or cannot be stored safely.
    """
    with resources.place(context.settings.running) as place:
        return _found_or_trained(context, run, candidate, place)


def _found_or_trained(context: Context, run: TrainingRun, candidate: str, place: Place) -> CandidateRun:
    parent = context.tracking.get(run.run_id)
    earlier = context.tracking.children(parent, mlyard__candidate=candidate)
    for other in earlier:
        if _is_complete(context, other):
            return CandidateRun.model_validate_json(other.data.tags[RESULT])
        if other.info.status == "RUNNING":
            context.tracking.end(other.info.run_id, "FAILED")
    spec = context.tracking.spec_of(run.run_id)
    chosen = next(known for known in spec.candidates if known.name == candidate)
    data = dataset.load(context, run, spec)
    tags = {names.PARENT: run.run_id, names.CANDIDATE: candidate}
    own = context.tracking.create(parent.info.experiment_id, "candidate", name=candidate, tags=tags)
    try:
        # The other candidates' tasks began when this one did, and are counted by now.
        with resources.bounded(place.threads()):
            return _train(context, spec, chosen, data, own.info.run_id)
    except BaseException:
        # What stopped it is what has to be told. A run that could not be ended is ended by the next training.
        with suppress(RegistryError):
            context.tracking.end(own.info.run_id, "FAILED")
        raise


def _is_complete(context: Context, trained: Any) -> bool:
    if trained.info.status != "FINISHED" or RESULT not in trained.data.tags:
        return False
    files = CandidateRun.model_validate_json(trained.data.tags[RESULT]).files
    return all(context.tracking.has_artifact(trained.info.run_id, name) for name in files)


def _train(context: Context, spec: ModelSpec, candidate: Candidate, data: Dataset, run_id: str) -> CandidateRun:
    found = search.search(spec, candidate, data)
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        files = _write(found.pipeline, Path(folder), spec, candidate, data)
        for file in files:
            context.tracking.store(run_id, file)
    result = CandidateRun(
        candidate=candidate.name,
        run_id=run_id,
        score=found.scores[spec.metric],
        deviation=found.deviation,
        parameters=found.parameters,
        decision=found.rule if found.folds[0].found.probabilities is not None else None,
        conformal=conformal.quantiles(spec.task, found.folds, spec.conformal),
        files=tuple(file.name for file in files),
    )
    logged = {"estimator": candidate.estimator, **candidate.parameters, **found.parameters, "folds": spec.folds}
    metrics = {f"cv_{name}": value for name, value in found.scores.items()}
    metrics[f"cv_{spec.metric}_std"] = found.deviation
    context.tracking.log(run_id, metrics=metrics, parameters=logged)
    context.tracking.tag(run_id, {RESULT: json.dumps(result.model_dump(mode="json"))})
    context.tracking.end(run_id, "FINISHED")
    return result


def _write(pipeline: Any, folder: Path, spec: ModelSpec, candidate: Candidate, data: Dataset) -> tuple[Path, ...]:
    form = InputForm(encoding="codes", precision=estimators.precision(candidate))
    return fitted.write(
        pipeline,
        folder,
        candidate,
        task=spec.task,
        rows=lambda: packaging.rows_to_compare(data, form),
        scale=packaging.scale_of(spec.task, data),
    )
