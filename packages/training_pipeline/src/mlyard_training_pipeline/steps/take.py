"""In place of step 3: take a pipeline that was fitted elsewhere as the training's only candidate."""

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlyard_shared.errors import RegistryError

from mlyard_training_pipeline.candidates import deciding, estimators, resources
from mlyard_training_pipeline.candidates.scoring import Measures
from mlyard_training_pipeline.data import dataset, inputs
from mlyard_training_pipeline.notebooks import comparison, origin, translation
from mlyard_training_pipeline.steps.train import RESULT, write
from mlyard_training_pipeline.tracking import names, provenance
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.references import CandidateRun, TrainingRun


@resources.sharing
def take(context: Context, run: TrainingRun, original: Any, *, trained_on: Path | None) -> CandidateRun:
    """Rewrite a fitted pipeline for the training's table, hold it against the original, and store it with its run.

    Args:
        context: the registry and the settings.
        run: the training, whose spec has one candidate.
        original: the pipeline, as it was loaded.
        trained_on: a table of the rows that it was fitted on, if somebody said so.

    Raises:
        TrainingError: it cannot be taken; says why.
        TableError: a table does not fit the spec.
    """
    spec = context.tracking.spec_of(run.run_id)
    (candidate,) = spec.candidates
    data = dataset.load(context, run, spec)
    made = translation.translate(original, data, spec.target)
    rule = deciding.given(spec, Measures.of(spec, data.classes))
    comparison.check(
        translation.unwrapped(original),
        made.pipeline,
        data,
        made.names,
        task=spec.task,
        precision=estimators.precision(candidate),
        rule=rule,
    )
    imported = origin.unknown(data) if trained_on is None else origin.of_table(data, spec, trained_on)
    parent = context.tracking.get(run.run_id)
    tags = {names.PARENT: run.run_id, names.CANDIDATE: candidate.name, **provenance.tags()}
    own = context.tracking.create(parent.info.experiment_id, "candidate", name=candidate.name, tags=tags).info.run_id
    try:
        for number in (run.run_id, own):
            context.tracking.log_inputs(number, inputs.of(spec, run.snapshot, data))
        with tempfile.TemporaryDirectory(prefix="mlyard-") as folder:
            files = write(made.pipeline, Path(folder), spec, candidate, data, rule=rule)
            for file in files:
                context.tracking.store(own, file)
        result = CandidateRun(
            candidate=candidate.name,
            run_id=own,
            score=0.0,
            deviation=0.0,
            decision=rule if hasattr(made.pipeline, "predict_proba") else None,
            files=tuple(file.name for file in files),
            imported=imported,
        )
        context.tracking.log(own, metrics={}, parameters={"estimator": candidate.estimator})
        context.tracking.tag(own, {RESULT: json.dumps(result.model_dump(mode="json"))})
        context.tracking.end(own, "FINISHED")
    except BaseException:
        # What stopped it is what has to be told.
        with suppress(RegistryError):
            context.tracking.end(own, "FAILED")
        raise
    return result
