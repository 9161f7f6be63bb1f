"""Airflow's LocalExecutor with the libraries of the steps already imported."""

import importlib
import logging
import warnings
from typing import Any

from airflow.executors import local_executor

LIBRARIES = (
    "airflow.dag_processing.dagbag",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "mlyard_training_pipeline.context",
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
    "pyarrow.parquet",
    "skl2onnx",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "skops.io",
)
"""What a task would import first. Each task is a fork: what its parent has imported costs it nothing."""


class LocalExecutor(local_executor.LocalExecutor):
    """Runs tasks in forks of a process that has paid for the imports once, for all of them.

    It keeps the name, by which Airflow tells a deployment on one machine from others.
    """

    def start(self) -> None:
        """Import, then fork the workers. Where processes are spawned rather than forked, there is nothing to share."""
        if self.is_mp_using_fork:
            warm_up()
        super().start()


def warm_up() -> tuple[Any, ...]:
    """Import the libraries; one that cannot be is left to the task that needs it, whose log then says why."""
    imported = []
    with warnings.catch_warnings():
        # skops looks for NumPy's functions in every module there is, and hundreds of times Airflow's old names warn.
        warnings.simplefilter("ignore")
        for name in LIBRARIES:
            try:
                imported.append(importlib.import_module(name))
            except ImportError:
                logging.getLogger(__name__).warning("cannot import %s", name, exc_info=True)
    return tuple(imported)
