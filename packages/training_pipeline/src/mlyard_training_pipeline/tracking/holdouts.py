"""How often a holdout has been looked at: each training that scores on it leaves that on its run."""

import hashlib
import json
from datetime import datetime

from mlyard_shared.manifest import HoldoutRule

from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.names import KIND
from mlyard_training_pipeline.tracking.references import TrainingRun

HOLDOUT, UNTIL = "mlyard.holdout", "mlyard.holdout_until"


def count_use(context: Context, run: TrainingRun, rule: HoldoutRule, *, target: str, until: datetime | None) -> int:
    """Note that a training looks at its holdout, and return how many have looked at rows of it, this one included.

    A hash holds out the same rows in every training, a smaller share of them being among those of a larger one. Of
    times an earlier training's holdout counts where it reaches into this one's. A step that runs twice is one use.

    Args:
        context: the registry.
        run: the training.
        rule: who is held out.
        target: what is predicted.
        until: the latest time that is held out, where times decide.
    """
    identity = json.dumps([rule.by, rule.columns, rule.hash_name if rule.by == "hash" else "", target])
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    tags = {HOLDOUT: digest} | ({UNTIL: until.isoformat()} if until is not None else {})
    context.tracking.tag(run.run_id, tags)
    experiment = context.tracking.get(run.run_id).info.experiment_id
    runs = context.tracking.search(experiment, **{KIND: "training", HOLDOUT: digest})
    return sum(_reaches(found.data.tags.get(UNTIL), rule) for found in runs)


def _reaches(until: str | None, rule: HoldoutRule) -> bool:
    return rule.boundary is None or until is None or datetime.fromisoformat(until) >= rule.boundary
