"""One run of a model's through Airflow, from its DAG to the gate's verdict."""

import time
from collections.abc import Callable

from mlyard_training_pipeline.orchestration.client.airflow import Airflow
from mlyard_training_pipeline.orchestration.client.progress import Progress
from mlyard_training_pipeline.orchestration.client.retry import Retry

STALE = 15.0
"""Seconds for which Airflow may still show the error of a spec that has been put right, or no DAG of a new one."""

FIRST_RUN = 60.0
"""Seconds for which Airflow is left to start the first run of a new spec itself, so that there are not two of them."""


class Training:
    """A model's training: its DAG is waited for, started, and followed; `step` looks once and goes on.

    `problem` is the sentence on why it has ended without a champion.
    """

    def __init__(
        self,
        model: str,
        *,
        dag_file: str,
        airflow: Airflow,
        retry: Retry,
        progress: Progress,
        lack: Callable[[], str] = str,
        run: str | None = None,
        is_judged: bool = True,
    ) -> None:
        """Begin nothing yet.

        Args:
            model: the name of its DAG.
            dag_file: the DAG's file, relative to its bundle.
            airflow: where it runs.
            retry: how long an answer is waited for.
            progress: where all is shown.
            lack: says what this machine has too little of for a task to begin, or nothing.
            run: the id of a run that has been started already.
            is_judged: whether it ends with the verdict of the gate.
        """
        self.model = model
        self.done = False
        self.problem: str | None = None
        self._dag_file = dag_file
        self._airflow = airflow
        self._retry = retry
        self._progress = progress
        self._lack = lack
        self._run = run
        self._is_judged = is_judged
        self._moved_at = time.monotonic()
        self._states: object = None

    def step(self) -> None:
        """Look once, and do what can be done."""
        if self._run is None:
            self._begin()
        else:
            self._follow(self._run)

    def _begin(self) -> None:
        paused = self._retry.call(lambda: self._airflow.paused(self.model))
        waited = time.monotonic() - self._moved_at
        if paused:
            self._end(f"its DAG is paused: let it run at {self._airflow.url}/dags/{self.model}")
        elif paused is None:
            error = self._retry.call(lambda: self._airflow.import_error(self._dag_file))
            if error and waited > STALE:
                self._end(error)
            elif waited > self._retry.seconds:
                self._end(f"Airflow shows no DAG after {waited:.0f} s: check that its dag-processor runs")
        elif waited > FIRST_RUN or not self._retry.call(lambda: self._airflow.begins_by_itself(self.model)):
            self._run = self._retry.call(self._join_or_start)
            self._moved_at = time.monotonic()

    def _join_or_start(self) -> str:
        runs = self._airflow.unfinished_runs(self.model)
        self._progress.line(self.model, "is being trained already" if runs else "has no champion: training starts")
        return runs[0] if runs else self._airflow.start(self.model)

    def _follow(self, run: str) -> None:
        state = self._retry.call(lambda: self._airflow.run_state(self.model, run))
        tasks = self._retry.call(lambda: self._airflow.tasks(self.model, run))
        self._progress.tasks(self.model, tasks)
        states = [(task.id, task.map_index, task.state, task.attempt) for task in tasks]
        if states != self._states or any(task.state == "running" for task in tasks):
            self._states, self._moved_at = states, time.monotonic()
        if any(task.state == "awaiting_input" for task in tasks):
            self._end("its version waits for a person's approval, on Airflow's page of required actions")
        elif state == "success":
            self._tell_verdict(run)
        elif state == "failed":
            failed = next((task for task in tasks if task.state == "failed"), None)
            if failed is None:
                self._end("its run was marked as failed")
            else:
                said = self._retry.call(lambda: self._airflow.failure(self.model, run, failed))
                self._end(f"{failed.name} failed: {said or self._lack() or 'its process ended without a word'}")
        elif state is None:
            self._end("its run was deleted")
        elif time.monotonic() - self._moved_at > self._retry.seconds:
            cause = self._lack() or "check that Airflow's scheduler runs"
            self._end(f"no task has begun for {self._retry.seconds:.0f} s: {cause}")
        elif time.monotonic() - self._moved_at > STALE:
            self._progress.waiting(self._lack() or None)
            self._look_for_dag()

    def _look_for_dag(self) -> None:
        """End where the spec was removed or broken under way: Airflow starts no further task of such a DAG."""
        if self._retry.call(lambda: self._airflow.paused(self.model)) is None:
            error = self._retry.call(lambda: self._airflow.import_error(self._dag_file))
            self._end(error or "its DAG has gone: its spec was removed, or has another name now")

    def _tell_verdict(self, run: str) -> None:
        report = self._retry.call(lambda: self._airflow.gate_report(self.model, run)) if self._is_judged else None
        if not self._is_judged:
            self._progress.line(self.model, "has ended well")
            self._end(None)
        elif report is None:
            self._end("its run ended without a verdict of the gate")
        elif report.passed:
            self._progress.line(self.model, f"gate {report.verdict}")
            self._end(None)
        elif report.champion_version is not None:
            # Another training was faster, such as the one that Airflow starts itself.
            self._progress.line(self.model, f"gate {report.verdict}; version {report.champion_version} is the champion")
            self._end(None)
        else:
            self._end(f"gate {report.verdict}; it has no champion until a training passes")

    def _end(self, problem: str | None) -> None:
        self.done = True
        self.problem = problem
        self._progress.forget(self.model)
        if problem:
            self._progress.problem(f"{self.model}: {problem}")
