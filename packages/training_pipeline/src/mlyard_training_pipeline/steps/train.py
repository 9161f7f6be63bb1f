"""Step 3: train one candidate, and judge it by cross-validation alone."""

import json
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

from mlyard_shared.errors import TrainingError
from mlyard_shared.metrics import METRICS
from mlyard_shared.pipelines import untrusted_types
from mlyard_shared.spec import Candidate, ModelSpec

from mlyard_training_pipeline.candidates import estimators, folds
from mlyard_training_pipeline.data import dataset as table
from mlyard_training_pipeline.data import snapshots
from mlyard_training_pipeline.data.dataset import Table
from mlyard_training_pipeline.tracking import names
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import CandidateRun, TrainingRun

RESULT = "mlyard.result"
logger = logging.getLogger(__name__)


def train(context: Context, run: TrainingRun, candidate: str) -> CandidateRun:
    """Search a candidate's grid over the folds, fit the best on every training row, and store it with its run.

    A candidate that this training has finished before is found rather than trained again, unless its file is lost.

    Raises:
        TrainingError: the estimator does not take this table, or cannot be stored safely.
    """
    parent = context.tracking.get(run.run_id)
    earlier = context.tracking.children(parent, mlyard__candidate=candidate)
    for other in earlier:
        if _is_complete(context, other):
            return CandidateRun.model_validate_json(other.data.tags[RESULT])
        if other.info.status == "RUNNING":
            context.tracking.end(other.info.run_id, "FAILED")
    spec = context.tracking.spec_of(run.run_id)
    chosen = next(known for known in spec.candidates if known.name == candidate)
    read = table.read(snapshots.load(context, run.snapshot), spec)
    tags = {names.PARENT: run.run_id, names.CANDIDATE: candidate}
    own = context.tracking.create(parent.info.experiment_id, "candidate", name=candidate, tags=tags)
    try:
        return _train(context, spec, chosen, read, own.info.run_id)
    except BaseException:
        context.tracking.end(own.info.run_id, "FAILED")
        raise


def _is_complete(context: Context, trained: Any) -> bool:
    ended = trained.info.status == "FINISHED" and RESULT in trained.data.tags
    return ended and context.tracking.has_artifact(trained.info.run_id, names.PIPELINE_FILE)


def _train(context: Context, spec: ModelSpec, candidate: Candidate, read: Table, run_id: str) -> CandidateRun:
    search = _search(spec, candidate, read)
    best = search.best_index_
    cv = {name: METRICS[name].value(search.cv_results_[f"mean_test_{name}"][best]) for name in search.scorer_}
    parameters = {name.removeprefix("model__"): value for name, value in search.best_params_.items()}
    result = CandidateRun(
        candidate=candidate.name,
        run_id=run_id,
        score=cv[spec.metric],
        deviation=float(search.cv_results_[f"std_test_{spec.metric}"][best]),
        parameters=parameters,
    )
    with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
        file = Path(folder, names.PIPELINE_FILE)
        _dump(search.best_estimator_, file, candidate)
        context.tracking.store(run_id, file)
    logged = {"estimator": candidate.estimator, **candidate.parameters, **parameters, "folds": spec.folds}
    metrics = {f"cv_{name}": value for name, value in cv.items()} | {f"cv_{spec.metric}_std": result.deviation}
    context.tracking.log(run_id, metrics=metrics, parameters=logged)
    context.tracking.tag(run_id, {RESULT: json.dumps(result.model_dump(mode="json"))})
    context.tracking.end(run_id, "FINISHED")
    return result


def _search(spec: ModelSpec, candidate: Candidate, read: Table) -> Any:
    from sklearn.model_selection import GridSearchCV

    training = ~read.held_out
    names = folds.metrics(spec, candidate)
    search = GridSearchCV(
        estimators.pipeline(candidate, read.schema),
        {f"model__{name}": values for name, values in candidate.grid.items()},
        scoring={name: METRICS[name].scorer for name in names},
        refit=spec.metric,
        cv=folds.splits(spec, read),
        error_score="raise",
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            search.fit(read.matrix[training], read.target[training])
        # Estimators refuse a table with whatever they like; it is their user's news, not a fault of ours.
        except Exception as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise TrainingError(
                f"candidate {candidate.name} ({candidate.estimator}) cannot be trained: {first}"
            ) from error
    for text in dict.fromkeys(str(warning.message).strip().splitlines()[0] for warning in caught):
        logger.warning("candidate %s: %s", candidate.name, text)
    return search


def _dump(pipeline: Any, file: Path, candidate: Candidate) -> None:
    from skops.io import dump

    dump(pipeline, file)
    untrusted = untrusted_types(file)
    if untrusted:
        raise TrainingError(
            f"candidate {candidate.name} ({candidate.estimator}) holds types that the API does not load: "
            f"{', '.join(untrusted)}; choose another estimator"
        )
