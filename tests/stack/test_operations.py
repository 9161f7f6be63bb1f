"""What is done with a running stack, by compose's own commands."""

import time

import pytest
from waiting import wait_until

from .airflow import Airflow
from .conftest import Figures
from .docker import docker, inspect
from .registry import Mlflow
from .stack import LASTING, Stack, image

pytestmark = pytest.mark.full

SPEC = """\
version = 1
name = "dropped-in"
task = "regression"
target = "price"
metric = "rmse"
folds = 2

[source]
path = "table.csv"

[holdout]
by = "row"

[[candidates]]
name = "ridge"
estimator = "sklearn.linear_model.Ridge"
"""


def is_running(airflow: Airflow, run: str, task: str) -> bool:
    """Whether a task of a run of penguins is running."""
    return any(t["task_id"] == task and t["state"] == "running" for t in airflow.tasks("penguins", run))


def test_every_service_has_a_log(trained: Stack) -> None:
    for service in ("mlflow", "airflow", "airflow-scheduler", "airflow-dag-processor", "model-api", "ensure"):
        log = trained.logs(service)
        assert len(log.splitlines()) > 1, service
        assert "Traceback" not in log, service


def test_a_spec_that_is_dropped_in_is_trained_and_served(
    trained: Stack, airflow: Airflow, mlflow: Mlflow, figures: Figures
) -> None:
    folder = trained.models / "dropped"
    folder.mkdir()
    rows = [f"{n},{n * n % 17},{3 * n + n * n % 5}" for n in range(80)]
    (folder / "table.csv").write_text("\n".join(["size,rooms,price", *rows]))
    (folder / "spec.toml").write_text(SPEC)
    seconds = wait_until(lambda: trained.is_serving("dropped-in"), seconds=120, what="the new model served")
    figures.note(f"a spec that is dropped in is served after {seconds:.0f} s")
    assert len(airflow.runs("dropped-in")) == 1
    assert [version["version"] for version in mlflow.versions("dropped-in")] == ["1"]


def test_another_image_of_one_service_replaces_its_containers_only(
    trained: Stack, images: dict[str, str], mlflow: Mlflow
) -> None:
    before = trained.containers()
    docker("tag", images["mlflow_server"], f"{image('mlflow_server')}:next")
    trained.settings["MLYARD_MLFLOW_SERVER_TAG"] = "next"
    trained.up()
    after = trained.containers()
    changed = {service for service in before if before[service] != after[service]}
    assert changed - {"ensure"} == {"mlflow"}, "ensure has ended, and is made anew with what it begins after"
    assert inspect(after["mlflow"])["Config"]["Image"].endswith(":next")
    assert trained.is_serving()
    trained.wait_until_healthy()
    assert mlflow.champion("penguins")
    del trained.settings["MLYARD_MLFLOW_SERVER_TAG"]
    trained.up()
    trained.wait_until_healthy()


def test_down_and_up_again_keeps_everything(trained: Stack, airflow: Airflow, mlflow: Mlflow, figures: Figures) -> None:
    versions, runs = mlflow.versions("penguins"), airflow.runs("penguins")
    trained.down()
    assert trained.containers() == {}
    started = time.monotonic()
    trained.compose("up", "--detach", "--no-build", "model-api")
    wait_until(trained.is_serving, seconds=30, what="a prediction from the cache, with nothing else there")
    figures.note(f"after `down`, `up` of the API to its first prediction: {time.monotonic() - started:.1f} s")
    trained.down()
    trained.up()
    restarted = time.monotonic()
    trained.wait_until_healthy()
    figures.note(f"after `down`, `up` to all healthy: {time.monotonic() - trained.started:.0f} s")
    figures.note(f"... of which after compose returned: {time.monotonic() - restarted:.0f} s")
    trained.wait_for_ensure()
    assert mlflow.versions("penguins") == versions, "nothing is trained again"
    assert airflow.runs("penguins") == runs


def test_each_container_stops_within_ten_seconds_while_a_model_trains(
    trained: Stack, airflow: Airflow, figures: Figures
) -> None:
    took = {}
    training = airflow.start("penguins")
    wait_until(lambda: is_running(airflow, training, "train"), seconds=60, what="a candidate being trained")
    try:
        for service in ("airflow-scheduler", *(service for service in reversed(LASTING) if "scheduler" not in service)):
            started = time.monotonic()
            trained.compose("stop", "--timeout", "30", service)
            took[service] = time.monotonic() - started
            assert trained.state(service)["ExitCode"] in (0, 143), (service, trained.state(service))
    finally:
        trained.up()
        trained.wait_until_healthy()
    figures.note("SIGTERM to the end: " + ", ".join(f"{service} {seconds:.1f} s" for service, seconds in took.items()))
    assert max(took.values()) < 10, took
    wait_until(lambda: airflow.runs("penguins")[training] == "success", seconds=120, what="the run ended after all")


@pytest.mark.parametrize(
    ("service", "setting", "value", "sentence"),
    [
        pytest.param("model-api", "MLYARD_MODEL_API_POLL_SECONDS", "often", "POLL_SECONDS", id="a word for a number"),
        pytest.param("mlflow", "MLYARD_MLFLOW_SERVER_WORKERS", "0", "WORKERS", id="a number out of range"),
        pytest.param(
            "airflow-dag-processor", "MLYARD_TRAINING_PIPELINE_PARALLELISM", "-1", "PARALLELISM", id="below zero"
        ),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(
    trained: Stack, service: str, setting: str, value: str, sentence: str
) -> None:
    trained.settings[setting] = value
    try:
        done = trained.compose("run", "--rm", "--no-deps", service, check=False)
    finally:
        del trained.settings[setting]
    said = [line for line in done.splitlines() if sentence in line]
    assert said, done
    assert "Traceback" not in done
