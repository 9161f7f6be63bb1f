"""The first training: every spec without a champion gets a DAG run, and all runs are followed to their end."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from mlyard_shared.errors import RegistryUnavailable, SettingsError
from mlyard_shared.registry import Alias, ModelVersion
from mlyard_shared.spec import read_specs

from mlyard_training_pipeline.orchestration.client.airflow import Airflow
from mlyard_training_pipeline.orchestration.client.progress import Progress
from mlyard_training_pipeline.orchestration.errors import AirflowUnavailable
from mlyard_training_pipeline.settings import PREFIX

Answer = TypeVar("Answer")
PAUSE = 1.0
"""Seconds between two looks."""

STALE = 15.0
"""Seconds for which Airflow may still show the error of a spec that has been put right."""


FIRST_RUN = 20.0
"""Seconds for which Airflow is left to start the first run of a new spec itself, so that there are not two of them."""


class Champions(Protocol):
    """What tells which models have a champion: the registry."""

    def find(self, name: str, alias: Alias) -> ModelVersion | None:
        """The version that an alias points to."""


class Patience:
    """How long a service may give no answer before that is an error."""

    def __init__(self, seconds: float, progress: Progress) -> None:
        self.seconds = seconds
        self._progress = progress

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Ask until there is an answer, or for too long."""
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                answer = question()
            except (AirflowUnavailable, RegistryUnavailable) as error:
                if time.monotonic() >= deadline:
                    raise
                self._progress.waiting(str(error))
                time.sleep(PAUSE)
            else:
                self._progress.waiting(None)
                return answer


class Training:
    """One model on its way to a champion: its DAG is waited for, started, and followed; `step` goes on by a little.

    `problem` is the sentence why it has ended without one.
    """

    def __init__(self, model: str, *, dag_file: str, airflow: Airflow, patience: Patience, progress: Progress) -> None:
        self.model = model
        self.done = False
        self.problem: str | None = None
        self._dag_file = dag_file
        self._airflow = airflow
        self._patience = patience
        self._progress = progress
        self._run: str | None = None
        self._moved_at = time.monotonic()
        self._states: object = None

    def step(self) -> None:
        """Look once, and do what can be done."""
        if self._run is None:
            self._begin()
        else:
            self._follow(self._run)

    def _begin(self) -> None:
        paused = self._patience.ask(lambda: self._airflow.paused(self.model))
        waited = time.monotonic() - self._moved_at
        if paused:
            self._end(f"its DAG is paused: let it run at {self._airflow.url}/dags/{self.model}")
        elif paused is None:
            error = self._patience.ask(lambda: self._airflow.import_error(self._dag_file))
            if error and waited > STALE:
                self._end(error)
            elif waited > self._patience.seconds:
                self._end(f"Airflow shows no DAG after {waited:.0f} s: see that its dag-processor runs")
        elif waited > FIRST_RUN or not self._patience.ask(lambda: self._airflow.begins_by_itself(self.model)):
            self._run = self._patience.ask(self._join_or_start)
            self._moved_at = time.monotonic()

    def _join_or_start(self) -> str:
        run = self._airflow.unfinished_run(self.model)
        self._progress.line(self.model, "is being trained already" if run else "has no champion: training starts")
        return run or self._airflow.start(self.model)

    def _follow(self, run: str) -> None:
        state = self._patience.ask(lambda: self._airflow.run_state(self.model, run))
        tasks = self._patience.ask(lambda: self._airflow.tasks(self.model, run))
        self._progress.tasks(self.model, tasks)
        states = [(task.id, task.map_index, task.state, task.attempt) for task in tasks]
        if states != self._states or any(task.state == "running" for task in tasks):
            self._states, self._moved_at = states, time.monotonic()
        if state == "success":
            self._tell_verdict(run)
        elif state == "failed":
            failed = next((task for task in tasks if task.state == "failed"), None)
            if failed is None:
                self._end("its run was marked as failed")
            else:
                sentence = self._patience.ask(lambda: self._airflow.failure(self.model, run, failed))
                self._end(f"{failed.name} failed: {sentence}")
        elif state is None:
            self._end("its run was deleted")
        elif time.monotonic() - self._moved_at > self._patience.seconds:
            self._end(f"no task has begun for {self._patience.seconds:.0f} s: see that Airflow's scheduler runs")

    def _tell_verdict(self, run: str) -> None:
        report = self._patience.ask(lambda: self._airflow.gate_report(self.model, run))
        if report is None:
            self._end("its run ended without a verdict of the gate")
        elif report.passed:
            self._progress.line(self.model, f"gate {report.verdict}")
            self._end(None)
        else:
            self._end(f"gate {report.verdict}; it has no champion until a training passes")

    def _end(self, problem: str | None) -> None:
        self.done = True
        self.problem = problem
        self._progress.forget(self.model)
        if problem:
            self._progress.problem(f"{self.model}: {problem}")


def ensure(
    models: Path, *, registry: Champions, connect: Callable[[], Airflow], progress: Progress, patience: Patience
) -> bool:
    """Train each spec of a folder that has no champion; return whether all have one in the end.

    Raises:
        SettingsError: there is no such folder, or it cannot be read.
        AirflowUnavailable, RegistryUnavailable: no answer for longer than the patience.
        AirflowDenied, RegistryDenied: the account is refused.
    """
    if not models.is_dir():
        raise SettingsError(f"{PREFIX}MODELS names no folder: {models}")
    if not os.access(models, os.R_OK | os.X_OK):
        raise SettingsError(
            f"{PREFIX}MODELS: the user {os.getuid()} may not read {models}: let it, "
            "as with `chmod -R a+rX` on the folder"
        )
    specs, errors = read_specs(models)
    for error in errors:
        progress.problem(str(error))
    files = {spec.name: file for file, spec in specs.items()}
    untrained = [name for name in files if patience.ask(partial(registry.find, name, "champion")) is None]
    if not untrained:
        progress.line(
            "", f"each of {', '.join(files)} has a champion" if files else f"there is no right spec in {models}"
        )
        return not errors
    airflow = connect()
    patience.ask(airflow.warm_up)
    trainings = [
        Training(
            name,
            dag_file=f"{files[name].relative_to(models)}.py",
            airflow=airflow,
            patience=patience,
            progress=progress,
        )
        for name in untrained
    ]
    while unfinished := [training for training in trainings if not training.done]:
        for training in unfinished:
            training.step()
        time.sleep(PAUSE)
    return not errors and not any(training.problem for training in trainings)
