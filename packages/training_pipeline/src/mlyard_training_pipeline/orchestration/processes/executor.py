"""Airflow's LocalExecutor with the libraries of the steps already imported."""

import importlib
import logging
import time
import warnings
from typing import Any

import structlog
from airflow.executors import local_executor

from mlyard_training_pipeline.settings import Settings
from mlyard_training_pipeline.tracking.state_folder import lack

LIBRARIES = (
    "airflow.dag_processing.dagbag",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "mlyard_training_pipeline.tracking.runs",
    "mlyard_training_pipeline.data.sources.delimited.reader",
    "mlyard_training_pipeline.data.sources.parquet",
    "mlyard_training_pipeline.orchestration.dags.training",
    "mlyard_training_pipeline.steps.extract",
    "mlyard_training_pipeline.steps.validate",
    "mlyard_training_pipeline.steps.train",
    "mlyard_training_pipeline.steps.evaluate",
    "mlyard_training_pipeline.steps.gate",
    "mlyard_training_pipeline.steps.register",
    "mlyard_training_pipeline.steps.promote",
    "mlyard_shared.registry",
    "mlflow.sklearn",
    "onnxruntime",
    "pandas",
    "pyarrow.csv",
    "pyarrow.parquet",
    "skl2onnx",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "skops.io",
)
"""What a task would import first. Each task is a fork: what its parent has imported costs it nothing."""


STORES = (
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.model_registry.sqlalchemy_workspace_store",
)
"""What it would import too where the registry is a database that it opens itself: half a second of each task."""


IDLE_SECONDS = 30
"""Without a task for this long the workers end: each holds 20 MB of its own, and a new fork takes no time."""


TELL_SECONDS = 60.0
"""Between two lines on the same full disk."""


STOP_SECONDS = 5
"""For running tasks when the scheduler is told to stop. A container has ten seconds in all."""


class LocalExecutor(local_executor.LocalExecutor):
    """Runs tasks in forks of a process that has paid for the imports once, for all of them.

    It keeps the name, by which Airflow tells a deployment on one machine from others.
    """

    def start(self) -> None:
        """Import, then fork the workers. Where processes are spawned rather than forked, there is nothing to share."""
        settings = Settings.load()
        if self.is_mp_using_fork:
            warm_up(settings.registry_uri)
            keep_tasks_to_their_logs()
        super().start()
        self._busy_at = time.monotonic()
        self._state = settings.state
        self._told_at = -TELL_SECONDS

    def trigger_tasks(self, open_slots: int) -> None:
        """Begin tasks where the disk has room for their logs; without it they would fail wordlessly, so they wait."""
        if problem := lack(self._state):
            if time.monotonic() - self._told_at >= TELL_SECONDS:
                self._told_at = time.monotonic()
                logging.getLogger(__name__).error("no task begins: %s", problem)
            return
        super().trigger_tasks(open_slots)

    def sync(self) -> None:
        """Take results in, and let the workers end when there has been nothing to do for a while."""
        super().sync()
        if self.running or self.queued_tasks:
            self._busy_at = time.monotonic()
        elif self.is_mp_using_fork and time.monotonic() - self._busy_at > IDLE_SECONDS:
            # By which Airflow tells a worker that it may end; it forks new ones with the next task.
            self._dismiss()
            self._busy_at = time.monotonic()

    def end(self) -> None:
        """End within seconds: a task that still runs then is found lost by the next scheduler, and tried again."""
        self._dismiss()
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self.workers.values():
            worker.join(max(0.0, deadline - time.monotonic()))
            if worker.is_alive():
                # Not SIGTERM, for which it has inherited the scheduler's handler.
                worker.kill()
                worker.join()
        super().end()

    def _dismiss(self) -> None:
        for _ in self.workers:
            self.activity_queue.put(None)


def keep_tasks_to_their_logs() -> None:
    """Let the scheduler's log repeat of a task's only what goes wrong; Airflow has no setting for that."""
    from airflow.sdk.execution_time import supervisor

    processors = structlog.get_config()["processors"]
    supervisor.log = structlog.wrap_logger(
        None, processors=[only_what_goes_wrong, *processors], logger_name="supervisor"
    )


def only_what_goes_wrong(_logger: Any, level: str, event: Any) -> Any:
    """Drop what is less than a warning; a processor of structlog."""
    if level in ("debug", "info"):
        raise structlog.DropEvent
    return event


def libraries(registry_uri: str) -> tuple[str, ...]:
    """What tasks import to work with this registry."""
    return LIBRARIES if registry_uri.startswith("http") else LIBRARIES + STORES


def warm_up(registry_uri: str) -> tuple[Any, ...]:
    """Import the libraries. One that cannot be imported is left to the task that needs it, whose log then says why."""
    imported = []
    with warnings.catch_warnings():
        # skops looks for NumPy's functions in every module, where hundreds of Airflow's old names warn.
        warnings.simplefilter("ignore")
        for name in libraries(registry_uri):
            try:
                imported.append(importlib.import_module(name))
            except ImportError:
                logging.getLogger(__name__).warning("cannot import %s", name, exc_info=True)
    return tuple(imported)
