"""Airflow's API: signing in, asking, and what following a run takes. `dags` asks for the rest."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit
from urllib.request import proxy_bypass

import httpx
from mlyard_shared.gate import GateReport

from mlyard_training_pipeline.orchestration.errors import AirflowDenied, AirflowUnavailable
from mlyard_training_pipeline.settings import PREFIX, Settings

Answer = TypeVar("Answer")
RunState = Literal["queued", "running", "success", "failed"]
ONCE = "@once"
"""How Airflow calls the schedule of such a DAG."""
FIRST = "Started by ensure: the model had no champion"
TIMEOUT = 20.0
"""Seconds for one request. The first one after Airflow's start takes several."""

NOT_AIRFLOW = "what answers there is not Airflow's API"
FOREIGN = (ValueError, TypeError, LookupError, AttributeError)
"""What reading an answer ends in that is no JSON, or JSON of another form; the client's own errors are among them."""

WAITING = "waiting"
"""The state of a task that others come before; Airflow has no word for it."""


class Task(NamedTuple):
    """One task of a run; a mapped one carries its candidate's name as `label` once it has begun."""

    id: str
    map_index: int
    label: str
    state: str
    attempt: int
    started: datetime | None
    seconds: float | None

    @property
    def name(self) -> str:
        """The task as people know it."""
        return f"{self.id} {self.label}".rstrip()


class Airflow:
    """A client of Airflow's API. Methods raise `AirflowUnavailable` without an answer, `AirflowDenied` when refused."""

    def __init__(self, url: str, *, user: str, password: str) -> None:
        """Make a client; nothing is asked of Airflow yet."""
        from airflow_client.client import ApiClient, Configuration

        self.url = url.rstrip("/")
        self._login = {"username": user, "password": password}
        self._configuration = Configuration(host=self.url)
        self._configuration.retries = 0
        self.client = ApiClient(self._configuration)
        # httpx fails on a proxy of a kind that it lacks the library for, also where the host is not reached by it.
        self._by_proxy = not proxy_bypass(urlsplit(self.url).netloc)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Airflow":
        """Make a client of the Airflow that the settings name."""
        return cls(settings.airflow_url, user=settings.airflow_user, password=settings.secret("airflow_password"))

    def warm_up(self) -> None:
        """Let Airflow build what tasks talk to, which it does at the first call; else a task waits for it."""
        self.http("GET", "/execution/health")

    def paused(self, dag: str) -> bool | None:
        """Whether a DAG is paused; None where there is no such DAG."""
        from airflow_client.client.api.dag_api import DAGApi

        found = self.ask(lambda: DAGApi(self.client).get_dag(dag, _request_timeout=TIMEOUT))
        return None if found is None or found.is_stale else bool(found.is_paused)

    def begins_by_itself(self, dag: str) -> bool:
        """Whether Airflow is about to start a DAG's first run: it is one that runs once, and has not run yet."""
        from airflow_client.client.api.dag_api import DAGApi
        from airflow_client.client.api.dag_run_api import DagRunApi

        found = self.ask(lambda: DAGApi(self.client).get_dag(dag, _request_timeout=TIMEOUT))
        if found is None or found.timetable_summary != ONCE:
            return False
        runs = self.ask(lambda: DagRunApi(self.client).get_dag_runs(dag, limit=1, _request_timeout=TIMEOUT))
        return runs is not None and not runs.dag_runs

    def import_error(self, file: str) -> str | None:
        """Return why a DAG file cannot be used, or None. `file` is relative to its bundle."""
        from airflow_client.client.api.import_error_api import ImportErrorApi

        found = self.ask(lambda: ImportErrorApi(self.client).get_import_errors(filename=file, _request_timeout=TIMEOUT))
        errors = found.import_errors if found else []
        return next((str(error.stack_trace).strip() for error in errors if error.filename == file), None)

    def unfinished_runs(self, dag: str) -> tuple[str, ...]:
        """Return the ids of a DAG's runs that are queued or running, oldest first."""
        from airflow_client.client.api.dag_run_api import DagRunApi

        found = self.ask(
            lambda: DagRunApi(self.client).get_dag_runs(
                dag, state=["running", "queued"], order_by=["id"], limit=100, _request_timeout=TIMEOUT
            )
        )
        return tuple(str(run.dag_run_id) for run in found.dag_runs) if found else ()

    def start(self, dag: str, *, note: str = FIRST) -> str:
        """Start a run and return its id; the note says on Airflow's page who asked for it."""
        from airflow_client.client.api.dag_run_api import DagRunApi
        from airflow_client.client.models.trigger_dag_run_post_body import TriggerDAGRunPostBody

        body = TriggerDAGRunPostBody(logical_date=None, note=note)
        started = self.ask(lambda: DagRunApi(self.client).trigger_dag_run(dag, body, _request_timeout=TIMEOUT))
        if started is None:
            raise AirflowUnavailable(self.url, f"the DAG {dag} has gone")
        return str(started.dag_run_id)

    def run_state(self, dag: str, run: str) -> RunState | None:
        """Return the state of a run; None where somebody has deleted it."""
        from airflow_client.client.api.dag_run_api import DagRunApi

        found = self.ask(lambda: DagRunApi(self.client).get_dag_run(dag, run, _request_timeout=TIMEOUT))
        return None if found is None else found.state.value

    def tasks(self, dag: str, run: str) -> tuple[Task, ...]:
        """Return the tasks of a run, in the order in which they began."""
        from airflow_client.client.api.task_instance_api import TaskInstanceApi

        found = self.ask(
            lambda: TaskInstanceApi(self.client).get_task_instances(dag, run, limit=100, _request_timeout=TIMEOUT)
        )
        tasks = [_task(instance) for instance in (found.task_instances if found else [])]
        return tuple(sorted(tasks, key=lambda task: (task.started is None, task.started, task.map_index)))

    def gate_report(self, dag: str, run: str) -> GateReport | None:
        """Return the verdict of a run's gate as the last step left it, once there is one."""
        from airflow_client.client.api.x_com_api import XComApi

        found = self.ask(
            lambda: XComApi(self.client).get_xcom_entry(
                dag, "promote", run, "return_value", stringify=False, _request_timeout=TIMEOUT
            )
        )
        entry: Any = found.actual_instance if found else None
        return None if entry is None else GateReport.model_validate(entry.value)

    def failure(self, dag: str, run: str, task: Task) -> str | None:
        """Return what a task's last attempt said when it failed; None where it said nothing."""
        return _last_error(self.log(dag, run, task, attempt=task.attempt))

    def log(self, dag: str, run: str, task: Task, *, attempt: int) -> list[Any]:
        """Return the lines of an attempt's log; each is a mapping, but for what is no line of the task's own."""
        # A run's id holds the colons and the plus of a time.
        path = f"/api/v2/dags/{quote(dag)}/dagRuns/{quote(run)}/taskInstances/{quote(task.id)}/logs/{attempt}"
        answer = self.http(
            "GET", path, params={"map_index": task.map_index, "full_content": "true"}, headers=self._bearer()
        )
        content = self._field(answer, "content")
        return list(content) if isinstance(content, list) else [content]

    def ask(self, call: Callable[[], Answer]) -> Answer | None:
        """Call the client with a token that is good; None stands for what is not there (404)."""
        from airflow_client.client.exceptions import ApiException, NotFoundException
        from urllib3.exceptions import HTTPError

        for renewed in (False, True):
            try:
                self._bearer(renew=renewed)
                return call()
            except NotFoundException:
                return None
            except ApiException as error:
                if error.status not in (401, 403):
                    raise AirflowUnavailable(self.url, f"status {error.status} {error.reason}") from error
            except (HTTPError, OSError) as error:
                raise AirflowUnavailable(self.url, type(error).__name__) from error
            except FOREIGN as error:
                raise AirflowUnavailable(self.url, NOT_AIRFLOW) from error
        raise AirflowDenied(
            f"Airflow at {self.url} does not let {self._login['username']} do this: give it another role"
        )

    def _bearer(self, *, renew: bool = False) -> dict[str, str]:
        if renew or not self._configuration.access_token:
            answer = self.http("POST", "/auth/token", json=self._login)
            self._configuration.access_token = self._field(answer, "access_token")
        return {"Authorization": f"Bearer {self._configuration.access_token}"}

    def _field(self, answer: httpx.Response, name: str) -> Any:
        try:
            return answer.json()[name]
        except FOREIGN as error:
            raise AirflowUnavailable(self.url, NOT_AIRFLOW) from error

    def http(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = httpx.request(method, self.url + path, timeout=TIMEOUT, trust_env=self._by_proxy, **request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AirflowUnavailable(self.url, type(error).__name__) from error
        if answer.status_code in (401, 403):
            raise AirflowDenied(
                f"Airflow at {self.url} does not know {self._login['username']} by this password: "
                f"set {PREFIX}AIRFLOW_USER and the secret airflow_password to those it was started with"
            )
        if answer.is_error:
            raise AirflowUnavailable(self.url, f"status {answer.status_code}")
        return answer


def _task(instance: Any) -> Task:
    return Task(
        id=instance.task_id,
        map_index=instance.map_index,
        label=instance.rendered_map_index or "",
        state=instance.state.value if instance.state else WAITING,
        attempt=instance.try_number,
        started=instance.start_date,
        seconds=instance.duration,
    )


def _last_error(lines: list[Any]) -> str | None:
    """Return the message of the last exception in a task's log, or else its last error."""
    for line in reversed(lines):
        if isinstance(line, dict) and line.get("error_detail"):
            return str(line["error_detail"][0]["exc_value"])
    errors = [line["event"] for line in lines if isinstance(line, dict) and line.get("level") in ("error", "critical")]
    return str(errors[-1]) if errors else None
