"""The databases: what their health says, and the data of an older layout."""

import pytest
from waiting import wait_until

from .docker import docker, inspect
from .registry import Mlflow
from .stack import Stack

pytestmark = pytest.mark.full


def test_a_frozen_database_makes_mlflow_unhealthy_within_seconds(trained: Stack) -> None:
    mlflow, database = (trained.containers()[service] for service in ("mlflow", "mlflow-db"))
    docker("pause", database)
    try:
        status = "unhealthy"
        wait_until(lambda: inspect(mlflow)["State"]["Health"]["Status"] == status, seconds=15, what="unhealthy")
        assert "the database has not answered" in inspect(mlflow)["State"]["Health"]["Log"][-1]["Output"]
        assert trained.is_serving()
    finally:
        docker("unpause", database)
    trained.wait_until_healthy()


MOVED = {
    "nothing": "true",
    "a part": "mv base 17/data",
    "all but the last": "for each in *; do case $each in PG_VERSION | 17 | data) ;; *) mv $each 17/data ;; esac; done",
}
"""What a move that was killed had done."""


@pytest.mark.parametrize("moved", MOVED)
def test_data_that_are_the_volume_itself_are_moved_and_found(trained: Stack, mlflow: Mlflow, moved: str) -> None:
    """Up to 0.2.0 the volume was mounted as the data folder; a move that is killed is completed by the next start."""
    versions = mlflow.versions("penguins")
    trained.compose("stop", "mlflow", "mlflow-db")
    script = f"cd /var/lib/postgresql && mv 17/data/* . && {MOVED[moved]}"
    trained.compose("run", "--rm", "--no-deps", "--entrypoint", "bash", "mlflow-db", "-c", script)
    trained.up()
    trained.wait_until_healthy()
    assert mlflow.versions("penguins") == versions
    held = trained.compose("exec", "-T", "mlflow-db", "ls", "/var/lib/postgresql").split()
    assert set(held) <= {"17", "data"}


def test_no_volume_without_a_name_is_left(trained: Stack) -> None:
    for service in ("mlflow-db", "airflow-db"):
        mounts = inspect(trained.containers()[service])["Mounts"]
        assert all(mount["Name"].startswith(trained.project) for mount in mounts if mount["Type"] == "volume"), mounts
