"""The stack as its users run it: compose's own commands, with a project, ports and a folder of models of its own."""

import json
import os
import shutil
import subprocess
import time
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from ports import free_ports
from waiting import wait_until

from .docker import docker, inspect, run

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose"
PROJECT = "mlyard-test"
PACKAGES = ("mlflow_server", "training_pipeline", "model_api")
LASTING = ("mlflow-db", "mlflow", "airflow-db", "airflow", "airflow-scheduler", "airflow-dag-processor", "model-api")
"""The services that run as long as the stack does."""


def version(package: str) -> str:
    """The version of a package."""
    project = tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text())["project"]
    return str(project["version"])


@dataclass(frozen=True)
class Login:
    """What a person needs to log in, as `secrets show` prints it."""

    mlflow: str
    airflow: str
    api: str


class Stack:
    """One project on the engine, started and stopped by documented commands only."""

    def __init__(
        self,
        folder: Path,
        *,
        project: str = PROJECT,
        files: tuple[str, ...] = ("compose.yaml",),
        docker_config: Path | None = None,
    ) -> None:
        self.folder = folder
        self.docker_config = docker_config
        self.project = project
        self.files = files
        self.place = COMPOSE
        self.models = folder / "models"
        shutil.copytree(ROOT / "examples", self.models)
        mlflow, airflow, api = free_ports(3)
        self.mlflow, self.airflow, self.api = (f"http://127.0.0.1:{port}" for port in (mlflow, airflow, api))
        self.settings = {
            "MLYARD_MODELS": str(self.models),
            "MLYARD_MLFLOW_SERVER_PORT": str(mlflow),
            "MLYARD_TRAINING_PIPELINE_PORT": str(airflow),
            "MLYARD_MODEL_API_PORT": str(api),
            **{f"MLYARD_{package.upper()}_IMAGE": image(package) for package in PACKAGES},
        }

    def compose(self, *arguments: str, seconds: float = 180, check: bool = True, stdin: str = "") -> str:
        """Run `docker compose ...` and return what it printed, on both of its streams."""
        env_file = self.folder / ".env"
        env_file.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))
        files = [word for file in self.files for word in ("-f", str(self.place / file))]
        command = ["docker", "compose", "-p", self.project, "--env-file", str(env_file), *files, *arguments]
        done = run(*command, seconds=seconds, check=check, env=self.environment, stdin=stdin)
        return done.stdout + done.stderr

    @property
    def environment(self) -> dict[str, str]:
        """What a command line of this stack starts from."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLYARD_")}
        return kept | ({"DOCKER_CONFIG": str(self.docker_config)} if self.docker_config else {})

    def shell(self) -> dict[str, str]:
        """The environment of a person's shell that has named the files once."""
        self.compose("config", "--quiet")  # writes the settings
        files = os.pathsep.join(str(self.place / file) for file in self.files)
        names = {"COMPOSE_FILE": files, "COMPOSE_PROJECT_NAME": self.project}
        return {**self.environment, **names, "COMPOSE_ENV_FILES": str(self.folder / ".env")}

    def configuration(self) -> dict[str, Any]:
        """What compose makes of the files."""
        config: dict[str, Any] = json.loads(self.compose("config", "--format", "json"))
        return config

    def up(self, *services: str) -> None:
        """Start, in the background, until all is healthy."""
        self.started = time.monotonic()
        self.compose("up", "--detach", "--wait", *services, seconds=400)

    def up_in_terminal(self) -> "subprocess.Popen[bytes]":
        """Start as one does the first time, with every service's log in the terminal, which `self.terminal` keeps."""
        command, environment = ["docker", "compose", "up", "--build"], self.shell()
        self.started = time.monotonic()
        with self.terminal.open("wb") as terminal:
            return subprocess.Popen(command, env=environment, stdout=terminal, stderr=subprocess.STDOUT)

    @property
    def terminal(self) -> Path:
        """What the first `up` has shown."""
        return self.folder / "terminal.log"

    def down(self, *arguments: str) -> None:
        """Stop and remove the containers."""
        self.compose("down", "--timeout", "10", *arguments)

    def containers(self) -> dict[str, str]:
        """The id of each service's container, those that have ended too."""
        label = f"label=com.docker.compose.project={self.project}"
        service = '{{.Label "com.docker.compose.service"}} {{.ID}}'
        lines = docker("ps", "--all", "--no-trunc", "--filter", label, "--format", service).splitlines()
        return dict(line.split() for line in lines)

    def state(self, service: str) -> dict[str, Any]:
        """What the engine says of the state of a service's container."""
        state: dict[str, Any] = inspect(self.containers()[service])["State"]
        return state

    def is_healthy(self, *services: str) -> bool:
        """Whether the containers run and their health checks pass."""
        containers = self.containers()
        states = [inspect(containers[service])["State"] for service in services]
        return all(state["Running"] and state.get("Health", {}).get("Status") == "healthy" for state in states)

    def wait_until_healthy(self, *services: str, seconds: float = 120) -> float:
        """Wait for the health of these services, by default of all that last."""
        wanted = services or LASTING
        return wait_until(lambda: self.is_healthy(*wanted), seconds=seconds, what=f"{', '.join(wanted)} healthy")

    def wait_for_ensure(self, *, seconds: float = 300) -> float:
        """Wait for the end of the first training, which must be a success."""
        took = wait_until(lambda: self.state("ensure")["Status"] == "exited", seconds=seconds, what="ensure ended")
        assert self.state("ensure")["ExitCode"] == 0, self.compose("logs", "ensure")
        return took

    def logs(self, service: str) -> str:
        """A service's log."""
        return self.compose("logs", "--no-color", service)

    @cached_property
    def login(self) -> Login:
        """The passwords and the key, from the documented command."""
        lines = self.compose("run", "--rm", "secrets", "show").splitlines()
        words = [line.split()[-1] for line in lines if "http://" in line]
        return Login(*words)

    def secrets(self) -> dict[str, str]:
        """Every value that was made, by the name of its file."""
        script = 'cd /secrets/.values && for file in *; do printf "%s %s\\n" "$file" "$(cat "$file")"; done'
        lines = self.compose("run", "--rm", "--entrypoint", "sh", "secrets", "-c", script).splitlines()
        return dict(line.split() for line in lines if len(line.split()) == 2 and "Container" not in line)

    def predict(self, model: str = "penguins", *, timeout: float = 10) -> httpx.Response:
        """One prediction of the example row."""
        url = f"{self.api}/models/{model}/predict"
        return httpx.post(url, json={"rows": [self.example(model)]}, headers=self.bearer, timeout=timeout)

    def is_serving(self, model: str = "penguins") -> bool:
        """Whether a prediction is answered."""
        return self.predict(model).status_code == 200

    def example(self, model: str = "penguins") -> dict[str, Any]:
        """A row that the model takes."""
        described = httpx.get(f"{self.api}/models/{model}", headers=self.bearer, timeout=10)
        described.raise_for_status()
        return {column["name"]: column["example"] for column in described.json()["schema"]["columns"]}

    @property
    def bearer(self) -> dict[str, str]:
        """The header that the API wants."""
        return {"Authorization": f"Bearer {self.login.api}"}

    def remove(self) -> None:
        """Leave nothing of the project behind, whatever state it is in."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)


def image(package: str) -> str:
    """The name that the tests give an image."""
    return f"mlyard-test-{package.replace('_', '-')}"
