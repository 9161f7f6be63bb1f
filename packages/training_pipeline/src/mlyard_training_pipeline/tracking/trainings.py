"""Trainings from begin to end, those included that nobody is left to end.

A training stays RUNNING in MLflow when the registry goes away, or its process is killed. Whether it still runs is
decided by a fact, and never by its age:

- one of Airflow's runs while Airflow says so: a model's DAG has one active run, so that where a new one begins, every
  other has ended;
- one of the command `run` runs while its process holds a lock in the folder of the state, or, where that is another
  machine's folder, while its sign of life goes on (see `alive`).
"""

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from mlyard_shared.errors import RunMissing

from mlyard_training_pipeline.notifications.events import training_failed
from mlyard_training_pipeline.notifications.telling import tell
from mlyard_training_pipeline.tracking.alive import is_alive, place
from mlyard_training_pipeline.tracking.context import Context
from mlyard_training_pipeline.tracking.names import BY_COMMAND, PLACE, RUN_KEY, quotable


def begin(context: Context, model: str, run_key: str) -> Any:
    """End what earlier trainings left behind, and return the run of this one, which the same key finds again."""
    by_command = run_key.startswith(BY_COMMAND)
    end_lost(context, model, under_way=None if by_command else [run_key])
    tags = {PLACE: place(context.settings.trainings)} if by_command else {}
    return context.tracking.open_training(model, run_key, tags)


def abandon(context: Context, model: str, run_key: str) -> bool:
    """Mark a training that did not end as failed, with every candidate that was under way. Others stay as they are.

    Returns whether its version serves all the same: then it was stopped after the champion had moved, and is finished.
    """
    run = context.tracking.find_training(model, run_key)
    if run is None:
        return False
    if run.info.status == "RUNNING":
        _close(context, model, run)
    return _serves(context, model, run)


def end_lost(context: Context, model: str, *, under_way: Collection[str] | None) -> tuple[str, ...]:
    """Mark the trainings of a model that nobody carries on as failed, and return their run keys.

    Args:
        context: the registry and the settings.
        model: the name of the model.
        under_way: the ids of its DAG runs that Airflow has not ended; None where nobody asked Airflow, whose trainings
            are then left as they are.
    """
    running = context.tracking.running(model, "training")
    lost = [run for run in running if not _is_under_way(context, run, under_way)]
    for run in lost:
        # Somebody may delete what is lost at the same time.
        with suppress(RunMissing):
            _close(context, model, run)
    if lost:
        reason = "its process ended, and nobody carries it on"
        keys = [run.data.tags[RUN_KEY] for run in lost if not _serves(context, model, run)]
        tell(context.settings, lambda: [training_failed(model, key, reason) for key in keys])
    if len(lost) == len(running):
        # A table that was being stored belongs to one of the trainings that are under way.
        for run in context.tracking.running(model, "snapshot"):
            with suppress(RunMissing):
                context.tracking.end(run.info.run_id, "FAILED")
    return tuple(run.data.tags[RUN_KEY] for run in lost)


def _is_under_way(context: Context, run: Any, under_way: Collection[str] | None) -> bool:
    run_key = run.data.tags.get(RUN_KEY, "")
    if run_key.startswith(BY_COMMAND):
        return is_alive(context.settings.trainings, run)
    return under_way is None or run_key in {quotable(key) for key in under_way}


def _close(context: Context, model: str, run: Any) -> None:
    for child in context.tracking.children(run):
        if child.info.status == "RUNNING":
            context.tracking.end(child.info.run_id, "FAILED")
    context.tracking.end(run.info.run_id, "FINISHED" if _serves(context, model, run) else "FAILED")


def _serves(context: Context, model: str, run: Any) -> bool:
    champion = context.registry.find(model, "champion")
    return champion is not None and champion.run_id == run.info.run_id
