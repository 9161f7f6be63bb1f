"""Each command of the page on operations is given as it stands there, and what the page tells of it is checked."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from waiting import wait_until

from .airflow import Airflow
from .docker import Failed, docker, inspect
from .page import Shell, commands
from .registry import Mlflow
from .stack import COMPOSE, LASTING, ROOT, Stack

Check = Callable[[Shell, str], None]
CHECKS: dict[str, Check] = {}
QUICK: set[str] = set()
ELSEWHERE = {
    "docker compose -f compose/compose.yaml up --build": "test_start.py, which the session begins with",
    "docker compose down --volumes": "test_removal.py, which it ends with",
    "docker builder prune": "it would take what this machine has built; the image prune below is its like",
    "docker compose build": "the fixture of the images",
}
"""Commands that others give."""


def tells(*beginnings: str, quick: bool = False) -> Callable[[Check], Check]:
    """Register the check of the commands that begin so; a quick one is among the smoke tests."""

    def register(check: Check) -> Check:
        CHECKS.update(dict.fromkeys(beginnings, check))
        QUICK.update(beginnings if quick else ())
        return check

    return register


def check_of(command: str) -> str | None:
    """The longest beginning with a check."""
    return max((beginning for beginning in CHECKS if command.startswith(beginning)), key=len, default=None)


@pytest.fixture
def shell(trained: Stack, tmp_path: Path) -> Shell:
    return Shell(trained, tmp_path)


def mlflow_of(stack: Stack) -> Mlflow:
    return Mlflow(stack.mlflow, user="admin", password=stack.login.mlflow)


def airflow_of(stack: Stack) -> Airflow:
    return Airflow(stack.airflow, password=stack.login.airflow)


def is_running(stack: Stack, *services: str) -> bool:
    return any(stack.state(service)["Running"] for service in services)


def seen(log: str) -> Callable[[str], bool]:
    return lambda output: log in output


# --- start and log in


@tells("docker compose -f compose/compose.yaml up --build --detach --wait", quick=True)
def all_is_healthy(shell: Shell, command: str) -> None:
    shell.run(command)
    assert shell.stack.is_healthy(*LASTING)


@tells(
    "docker compose -f compose/compose.yaml run --rm secrets show", "docker compose run --rm secrets show", quick=True
)
def what_logs_in_is_shown(shell: Shell, command: str) -> None:
    lines = [line for line in shell.run(command).splitlines() if "http://" in line]
    mlflow, airflow, key = (line.split()[-1] for line in lines)
    assert Mlflow(shell.stack.mlflow, user="admin", password=mlflow).champion("penguins")
    assert Airflow(shell.stack.airflow, password=airflow).dags()
    answer = httpx.get(f"{shell.stack.api}/models", headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert answer.is_success


@tells("KEY=", quick=True)
def the_documented_prediction_is_answered(shell: Shell, command: str) -> None:
    assert '"prediction":"Gentoo"' in shell.run(command).replace(" ", "")


@tells("export COMPOSE_FILE")
def the_file_named_once_is_enough(shell: Shell, command: str) -> None:
    assert "model-api" in shell.run(f"cd {ROOT}; {command}; unset COMPOSE_ENV_FILES; docker compose config --services")


# --- settings


@tells("cp compose/.env.example compose/.env")
def a_copy_of_the_example_is_what_the_files_say_without_it(shell: Shell, command: str) -> None:
    shutil.copytree(COMPOSE, shell.folder / "compose")
    copy, *_ = command.splitlines()
    read = "unset COMPOSE_ENV_FILES; docker compose -p plain -f compose/compose.yaml config"
    before = shell.run(f"cd {shell.folder}; {read.replace('-f compose', f'-f {shell.folder}/compose')}")
    shell.run(copy)
    assert shell.run(f"cd {shell.folder}; {read.replace('-f compose', f'-f {shell.folder}/compose')}") == before


@tells("docker compose run --rm ensure", quick=True)
def ensure_ends_when_every_spec_has_a_champion(shell: Shell, command: str) -> None:
    said = shell.run(command)
    assert "has a champion" in said
    assert f"The model API is ready: {shell.stack.api}" in said


@tells("chmod -R a+rX models")
def the_folder_is_readable_for_all(shell: Shell, command: str) -> None:
    (shell.folder / "models/private").mkdir(parents=True, mode=0o700)
    (shell.folder / "models/private/spec.toml").touch(mode=0o600)
    shell.run(command)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (shell.folder / "models").rglob("*")}
    assert modes == {"private": 0o755, "spec.toml": 0o644}


@tells("docker compose run --rm --no-TTY secrets connection")
def a_connection_is_read_by_the_pipeline_alone(shell: Shell, command: str) -> None:
    url = "postgresql://reader:word@warehouse/sales"
    (shell.folder / "url.txt").write_text(url)
    shell.run(command)
    read = "cat /run/secrets/mlyard/connections__warehouse"
    assert url in shell.run(f"docker compose exec -T airflow-scheduler {read}")
    assert "No such file" in shell.run(f"docker compose exec -T model-api {read}", fails=True)


@tells("docker compose exec mlflow mlyard-mlflow-server users")
def people_get_accounts_in_mlflow(shell: Shell, command: str) -> None:
    users = "docker compose exec -T mlflow mlyard-mlflow-server users"
    last = command.split(" users ")[1].split(maxsplit=1)[0]
    if last in ("role", "remove"):
        shell.run(f"{users} add ann --role editor")
    told = shell.run(command)
    if last == "add":
        password = told.split()[-1]
        assert Mlflow(shell.stack.mlflow, user="ann", password=password).champion("penguins")
    assert {"add": "as editor", "role": "ann is reader", "list": "pipeline\teditor", "remove": "is removed"}[
        last
    ] in told
    if last in ("add", "role"):
        shell.run(f"{users} remove ann")


@tells("docker compose exec airflow mlyard-training-pipeline users")
def people_get_accounts_in_airflow(shell: Shell, command: str) -> None:
    users = "docker compose exec -T airflow mlyard-training-pipeline users"
    last = command.split(" users ")[1].split(maxsplit=1)[0]
    if last in ("role", "remove"):
        shell.run(f"{users} add ann --role user")
    told = shell.run(command)
    if last == "add":
        body = {"username": "ann", "password": told.split()[-1]}
        assert httpx.post(f"{shell.stack.airflow}/auth/token", json=body, timeout=60).status_code == 201
    assert {"add": "as user", "role": "ann is viewer", "list": "admin\tadmin", "remove": "is removed"}[last] in told
    if last in ("add", "role"):
        shell.run(f"{users} remove ann")


@tells("docker compose run --rm --no-TTY secrets notify")
def a_secret_of_a_receiver_is_read_by_the_pipeline_alone(shell: Shell, command: str) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    for name in ("secret.txt", "password.txt"):
        (shell.folder / name).write_text(secret)
    shell.run(command)
    read = f"cat /run/secrets/mlyard/notify_{command.split()[7]}"
    assert secret in shell.run(f"docker compose exec -T airflow-scheduler {read}")
    assert "No such file" in shell.run(f"docker compose exec -T model-api {read}", fails=True)


@tells("echo whsec_$(openssl rand -base64 32)")
def a_secret_of_the_right_form_is_made(shell: Shell, command: str) -> None:
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", shell.run(command).strip())


# --- every day


@tells("docker compose ps --all", quick=True)
def what_runs_and_its_health_is_shown(shell: Shell, command: str) -> None:
    lines = shell.run(command).splitlines()
    for service in LASTING:
        assert "(healthy)" in next(line for line in lines if f"-{service}-1 " in line), service


@tells("curl --silent --show-error http://localhost:8000/health/ready", quick=True)
def the_api_tells_whether_it_is_ready(shell: Shell, command: str) -> None:
    assert '"ready"' in shell.run(command)


@tells("docker compose logs --follow airflow-scheduler")
def a_log_is_followed(shell: Shell, command: str) -> None:
    with shell.attached(command, until=seen("airflow-scheduler-1"), seconds=30):
        assert subprocess.run(["pgrep", "-f", "logs --follow"], capture_output=True, check=False).stdout


@tells("docker stats --no-stream")
def every_container_is_within_its_limits(shell: Shell, command: str) -> None:
    lines = shell.run(f"{command} --format '{{{{.Name}}}} {{{{.MemPerc}}}}'").splitlines()
    used = {line.split()[0]: float(line.split()[1].rstrip("%")) for line in lines}
    assert {f"{shell.stack.project}-{service}-1" for service in LASTING} <= set(used)
    assert all(share < 90 for share in used.values()), used


@tells("docker compose stop mlflow")
def predictions_go_on_while_mlflow_is_stopped(shell: Shell, command: str) -> None:
    shell.run(command)
    try:
        for _ in range(10):
            assert shell.stack.predict().status_code == 200
            time.sleep(0.2)
        # It is not served from memory alone: a new process has the cache.
        shell.run("docker compose restart model-api")
        wait_until(shell.stack.is_serving, seconds=20, what="a prediction after a restart without the registry")
    finally:
        shell.run("docker compose start mlflow")
        shell.stack.wait_until_healthy()


@tells("docker compose start mlflow")
def a_started_service_is_back(shell: Shell, command: str) -> None:
    shell.run("docker compose stop mlflow")
    shell.run(command)
    shell.stack.wait_until_healthy("mlflow")
    assert mlflow_of(shell.stack).champion("penguins")


@tells("docker compose down")
def what_was_taken_down_comes_back_as_it_was(shell: Shell, command: str) -> None:
    stack = shell.stack
    versions, secrets = mlflow_of(stack).versions("penguins"), stack.secrets()
    shell.run(command)
    assert stack.containers() == {}
    shell.run("docker compose up --detach --no-build model-api")
    wait_until(stack.is_serving, seconds=30, what="a prediction from the cache, with nothing else there")
    shell.run("docker compose up --detach")
    stack.wait_until_healthy()
    assert mlflow_of(stack).versions("penguins") == versions
    assert stack.secrets() == secrets


@tells("docker compose up --detach")
def what_is_up_stays_up_and_what_a_setting_changed_is_replaced(shell: Shell, command: str) -> None:
    stack, before = shell.stack, shell.stack.containers()
    stack.settings["MLYARD_MODEL_API_LOG_LEVEL"] = "WARNING"
    shell.run(command)
    after = stack.containers()
    assert {service for service in LASTING if before[service] != after[service]} == {"model-api"}
    del stack.settings["MLYARD_MODEL_API_LOG_LEVEL"]
    shell.run(command)
    stack.wait_until_healthy()


@tells("docker compose -f compose/mlflow_server.yaml up --build")
def a_service_runs_without_the_others(shell: Shell, command: str) -> None:
    alone = Stack(shell.folder / "alone", project="mlyard-test-page", files=("mlflow_server.yaml",))
    try:
        with Shell(alone, shell.folder).attached(command, until=lambda _: alone.is_healthy("mlflow", "mlflow-db")):
            assert Mlflow(alone.mlflow, user="admin", password=alone.login.mlflow).get(
                "mlflow/experiments/search", max_results=1
            )
            assert set(alone.containers()) == {"secrets", "mlflow", "mlflow-db"}
    finally:
        alone.remove()


@tells("docker compose up mlflow model-api")
def two_of_them_run_and_ctrl_c_stops_them(shell: Shell, command: str) -> None:
    stack = shell.stack
    shell.run("docker compose down")
    try:
        with shell.attached(command, until=lambda _: stack.is_healthy("mlflow", "model-api")):
            wait_until(stack.is_serving, seconds=20, what="a prediction")
            assert set(stack.containers()) == {"secrets", "mlflow-db", "mlflow", "model-api"}
        wait_until(lambda: not is_running(stack, "mlflow", "model-api"), seconds=30, what="the stop of the two")
        first = next(iter(ELSEWHERE))
        with shell.attached(first, until=lambda _: stack.is_healthy(*LASTING), seconds=300):
            assert is_running(stack, *LASTING)
        wait_until(lambda: not is_running(stack, *LASTING), seconds=30, what="the stop of all")
    finally:
        stack.up()


@tells("docker compose run --rm ensure run penguins/penguins.toml")
def a_training_by_hand_has_the_memory_of_a_training(shell: Shell, command: str) -> None:
    newest = len(mlflow_of(shell.stack).versions("penguins"))
    assert "gate" in shell.run(command)
    assert len(mlflow_of(shell.stack).versions("penguins")) > newest
    limits = {
        service: inspect(shell.stack.containers()[service])["HostConfig"]["Memory"]
        for service in ("ensure", "airflow-scheduler")
    }
    assert limits["ensure"] == limits["airflow-scheduler"] == 3 * 1024**3


@tells("docker compose exec airflow mlyard-training-pipeline status", quick=True)
def each_model_is_shown_with_its_champion(shell: Shell, command: str) -> None:
    line = next(line for line in shell.run(command).splitlines() if line.startswith("penguins"))
    assert f"version {mlflow_of(shell.stack).champion('penguins')}, " in line


@tells("docker compose exec airflow mlyard-training-pipeline trigger penguins --wait")
def a_training_is_started_and_followed(shell: Shell, command: str) -> None:
    newest = len(mlflow_of(shell.stack).versions("penguins"))
    assert "gate" in shell.run(command, seconds=400)
    assert len(mlflow_of(shell.stack).versions("penguins")) > newest


@tells("docker compose exec airflow mlyard-training-pipeline runs penguins")
def the_last_runs_are_listed(shell: Shell, command: str) -> None:
    assert "success" in shell.run(command)


@tells("docker compose exec airflow mlyard-training-pipeline logs penguins latest gate")
def what_the_gate_said_stands_in_its_log(shell: Shell, command: str) -> None:
    said = shell.run(command)
    assert said.startswith("--- gate, attempt ")
    assert "passed" in said or "unknown" in said


@tells("docker compose run --rm ensure history penguins")
def what_has_served_is_told(shell: Shell, command: str) -> None:
    assert "finished" in shell.run(command)


@tells("docker compose run --rm ensure promote", "docker compose run --rm ensure rollback")
def a_champion_is_moved_and_the_move_taken_back(shell: Shell, command: str) -> None:
    stack, mlflow = shell.stack, mlflow_of(shell.stack)
    before = mlflow.champion("penguins")
    if len(mlflow.versions("penguins")) < 2:
        shell.run("docker compose run --rm ensure run penguins/penguins.toml")
    other = next(int(v["version"]) for v in mlflow.versions("penguins") if int(v["version"]) != before)
    promote = 'docker compose run --rm ensure promote penguins 2 --reason "agreed with the field team"'
    rollback = 'docker compose run --rm ensure rollback penguins --reason "too early"'
    assert command in (promote, rollback)
    moved = shell.run(promote.replace(" 2 ", f" {other} "))
    assert f"version {other} of penguins is the champion" in moved
    wait_until(lambda: stack.predict().json()["version"] == other, seconds=20, what="the promoted version served")
    shell.run(rollback)
    wait_until(lambda: stack.predict().json()["version"] == before, seconds=20, what="the former version served")
    history = shell.run("docker compose run --rm ensure history penguins")
    assert "agreed with the field team" in history
    assert "too early" in history


@tells("docker compose -f compose/compose.yaml -f compose/compose.dev.yaml up --no-deps model-api")
def the_services_sources_are_mounted(shell: Shell, command: str) -> None:
    stack = shell.stack
    before = stack.containers()
    try:
        with shell.attached(command, until=lambda _: stack.is_serving() and stack.containers() != before):
            after = stack.containers()
            assert {service for service in before if before[service] != after[service]} == {"model-api"}
            sources = {mount["Source"] for mount in inspect(after["model-api"])["Mounts"]}
            assert str(ROOT / "packages/model_api/src") in sources
    finally:
        stack.up()


@tells("docker compose --project-name second up --detach")
def a_second_stack_shares_nothing(shell: Shell, command: str) -> None:
    first = shell.stack
    second = Stack(shell.folder / "second", project="second", docker_config=first.docker_config)
    shutil.rmtree(second.models / "diabetes")
    second.remove()
    try:
        Shell(second, shell.folder).run(command, seconds=400)
        second.wait_for_ensure()
        assert second.is_serving("penguins")
        assert [
            model["name"] for model in mlflow_of(second).get("mlflow/registered-models/search")["registered_models"]
        ] == ["penguins"]
        assert {"penguins", "diabetes"} <= {
            model["name"] for model in mlflow_of(first).get("mlflow/registered-models/search")["registered_models"]
        }
        assert second.login.api != first.login.api
        for stack, other in ((first, second), (second, first)):
            names = {
                name
                for service in ("mlflow", "model-api")
                for name in inspect(stack.containers()[service])["NetworkSettings"]["Networks"]
            }
            assert not any(name.startswith(f"{other.project}_") for name in names)
    finally:
        second.remove()
    assert first.is_healthy(*LASTING)
    assert first.is_serving()


# --- pruning, backup, release


@tells("docker image prune")
def pruning_takes_nothing_of_the_stack(shell: Shell, command: str) -> None:
    ours = f"label=com.docker.compose.project={shell.stack.project}"
    shell.run(f"{command} --force --filter {ours}")
    docker("volume", "prune", "--all", "--force", "--filter", ours)
    assert shell.stack.is_healthy(*LASTING)
    assert shell.stack.is_serving()
    assert len(docker("volume", "ls", "--quiet", "--filter", ours).split()) == 6


@tells("docker run --rm --volume mlyard_mlflow_db:/from:ro")
def a_backup_holds_the_volume(shell: Shell, command: str) -> None:
    shell.run(command)
    held = shell.run("tar -tzf mlflow_db.tar.gz")
    assert "/data/PG_VERSION" in held


FORMER = "/var/lib/postgresql/17"


@tells("docker compose down\ndocker compose up --detach --wait mlflow-db airflow-db")
def another_release_of_postgresql_takes_over(shell: Shell, command: str) -> None:
    if not docker("images", "--quiet", "postgres:18"):
        pytest.skip("THE WAY TO POSTGRESQL 18 WAS NOT TRIED: there is no image postgres:18 here")
    stack = shell.stack
    restore, remove = (
        written for written in commands() if "ON_ERROR_STOP" in written or f"{FORMER}.former" in written[:80]
    )
    versions, runs = mlflow_of(stack).versions("penguins"), airflow_of(stack).runs("penguins")
    try:
        shell.run(command, seconds=300)
        stack.settings["MLYARD_POSTGRES_IMAGE"] = "postgres:18"
        shell.run(restore, seconds=300)
        stack.wait_until_healthy()
        for database in ("mlflow-db", "airflow-db"):
            assert "PostgreSQL) 18" in shell.run(f"docker compose exec -T {database} postgres --version")
            shell.run(f"docker compose exec -T {database} cp -a {FORMER}.former {FORMER}.copy")
        assert mlflow_of(stack).versions("penguins") == versions
        assert airflow_of(stack).runs("penguins") == runs
        shell.run(remove.replace("exec ", "exec -T "))
        # The former release finds nothing of its own, and refuses; with its folder's former name it is as it was.
        shell.run("docker compose down")
        del stack.settings["MLYARD_POSTGRES_IMAGE"]
        shell.run("docker compose up --detach --wait mlflow-db", fails=True)
        assert "holds the data of PostgreSQL 18, which release 17 cannot read" in stack.logs("mlflow-db")
        shell.run("docker compose down")
        for database in ("mlflow-db", "airflow-db"):
            back = f"mv {FORMER}.copy {FORMER} && rm -r /var/lib/postgresql/18"
            shell.run(f"docker compose run --rm --no-deps --entrypoint sh {database} -c '{back}'")
    finally:
        stack.settings.pop("MLYARD_POSTGRES_IMAGE", None)
        stack.up()
    assert mlflow_of(stack).versions("penguins") == versions


@tells("docker compose up --detach --wait mlflow-db airflow-db", "docker compose exec mlflow-db rm -r")
def a_part_of_that_way(shell: Shell, command: str) -> None:
    pytest.skip("it is given on the way to another release of PostgreSQL, above")


# --- when something is wrong


@tells("docker compose logs --tail 20 airflow")
def the_log_and_the_health_of_a_service_are_told(shell: Shell, command: str) -> None:
    assert '"Status":"healthy"' in shell.run(command)


@tells("ss -ltnp")
def what_listens_at_a_port_is_named(shell: Shell, command: str) -> None:
    if shutil.which("ss") is None:
        pytest.skip("there is no ss here")
    assert f":{shell.stack.airflow.rpartition(':')[2]} " in shell.run(command)


@tells("docker run --rm --volume mlyard_mlflow_data:/volume")
def a_volume_is_given_to_the_services_user(shell: Shell, command: str) -> None:
    volume = f"{shell.stack.project}_mlflow_data"
    chown = ("run", "--rm", "--volume", f"{volume}:/volume", "debian:bookworm-slim", "chown", "-R", "0:0", "/volume")
    docker(*chown)
    try:
        shell.run("docker compose restart mlflow")
        wait_until(
            lambda: "cannot write into" in shell.stack.logs("mlflow"), seconds=60, what="the sentence in the log"
        )
    finally:
        shell.run(command)
    shell.run("docker compose restart mlflow")
    shell.stack.wait_until_healthy("mlflow")


@tells("docker network inspect mlyard_airflow_network")
def who_is_on_the_network_and_whether_they_answer(shell: Shell, command: str) -> None:
    said = shell.run(command)
    for service in LASTING:
        assert f"{shell.stack.project}-{service}-1" in said or service.endswith("-db"), service
    assert "OK" in said.splitlines()[-1]


@tells("docker system df --verbose", "df -h /var/lib/docker", "docker volume ls")
def what_is_used_is_told(shell: Shell, command: str) -> None:
    said = shell.run(command)
    assert f"{shell.stack.project}_mlflow_data" in said or command.startswith("df")
    assert "Use%" in said or not command.startswith("df")


@tells("docker inspect --format '{{.Name}} {{.RestartCount}}'")
def what_ran_out_of_memory_is_found(shell: Shell, command: str) -> None:
    if os.geteuid() != 0 or not os.access("/dev/kmsg", os.R_OK):
        pytest.skip("only root reads the kernel's log")
    stack = shell.stack
    container = stack.containers()["airflow-scheduler"]
    greedy = "x = bytearray(6 * 1024**3)"
    with pytest.raises(Failed):  # a process beside the main one
        docker("exec", container, "python", "-c", greedy)
    said = shell.run(command)
    assert re.search(r"^oom_kill [1-9]", said, re.MULTILINE), said
    assert re.search(f"oom_memcg=.*{container}", said)
    assert f"{container} airflow-scheduler" in said
    restarts = inspect(container)["RestartCount"]
    assert f"/{stack.project}-airflow-scheduler-1 {restarts}\n" in said
    os.kill(inspect(container)["State"]["Pid"], signal.SIGKILL)  # as the kernel does
    wait_until(lambda: inspect(container)["RestartCount"] > restarts, seconds=30, what="a restart")
    assert not inspect(container)["State"]["OOMKilled"], "Docker's own mark does not outlast it"
    assert f"/{stack.project}-airflow-scheduler-1 {restarts + 1}\n" in shell.run(command.splitlines()[0])
    stack.wait_until_healthy()


@tells("docker compose exec model-api mlyard-model-api")
def a_model_is_tried_again_or_forgotten(shell: Shell, command: str) -> None:
    said = shell.run(command.replace("exec ", "exec -T "))
    assert "penguins is tried again" in said or "penguins is forgotten" in said
    # The registry here still names a champion, so that the API fetches what it forgot.
    kept = "docker compose exec -T model-api find /var/lib/mlyard/cache/ -name current.json"
    wait_until(lambda: "/penguins/" in shell.run(kept), seconds=60, what="the model's return")
    wait_until(shell.stack.is_serving, seconds=20, what="a prediction")


@tells("docker compose run --rm secrets renew")
def a_renewed_password_is_taken_as_the_page_and_the_command_say(shell: Shell, command: str) -> None:
    stack, old = shell.stack, shell.stack.login.airflow
    renew, take = command.splitlines()
    said = shell.run(renew)
    assert f"`{take}`" in said, "the page and the command say the same"
    shell.run("docker compose run --rm secrets renew mlflow_admin_password")
    del stack.login
    assert stack.login.airflow != old
    shell.run(take, seconds=300)
    stack.wait_until_healthy()
    assert mlflow_of(stack).champion("penguins")
    assert airflow_of(stack).dags()
    with pytest.raises(httpx.HTTPStatusError):
        Airflow(stack.airflow, password=old).token()


@tells("docker compose run --rm --no-TTY secrets set mlflow_api_password")
def a_value_from_elsewhere_is_taken(shell: Shell, command: str) -> None:
    (shell.folder / "password.txt").write_text("a-password-from-elsewhere\n")
    shell.run(command)
    assert shell.stack.secrets()["mlflow_api_password"] == "a-password-from-elsewhere"
    shell.run("docker compose up --detach --force-recreate mlflow model-api")
    shell.stack.wait_until_healthy()
    assert Mlflow(shell.stack.mlflow, user="api", password="a-password-from-elsewhere").champion("penguins")
    wait_until(shell.stack.is_serving, seconds=20, what="a prediction")


@tells("date --utc")
def the_clocks_are_compared(shell: Shell, command: str) -> None:
    here, there = shell.run(command.replace("exec ", "exec -T ")).splitlines()[:2]
    assert here[:17] == there[:17] or abs(int(here[17:19]) - int(there[17:19])) < 60


@tells("docker compose restart airflow airflow-scheduler airflow-dag-processor")
def airflow_is_restarted(shell: Shell, command: str) -> None:
    before = shell.stack.state("airflow-scheduler")["StartedAt"]
    shell.run(command)
    shell.stack.wait_until_healthy()
    assert shell.stack.state("airflow-scheduler")["StartedAt"] != before


# --- all of them


def test_every_command_of_the_page_has_a_check_and_every_check_a_command() -> None:
    written = [command for command in commands() if command not in ELSEWHERE]
    assert len(written) > 35
    assert not [command for command in written if check_of(command) is None]
    assert {check_of(command) for command in written} == set(CHECKS)
    assert set(ELSEWHERE) <= set(commands())


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(
            command, id=command.splitlines()[0], marks=[] if check_of(command) in QUICK else [pytest.mark.full]
        )
        for command in commands()
        if command not in ELSEWHERE and check_of(command)
    ],
)
def test_a_command_of_the_page_does_what_the_page_tells(shell: Shell, command: str) -> None:
    CHECKS[check_of(command) or ""](shell, command)
