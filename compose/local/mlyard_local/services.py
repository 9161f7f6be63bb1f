"""The services of the stack: how each is started and how one sees that it is up."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mlyard_local import processes
from mlyard_local.settings import ROOT, Settings
from mlyard_local.state import StateFolder


@dataclass(frozen=True)
class Probe:
    """What a service is asked: any 2xx answer is a yes, or a report of Airflow's that calls a component healthy."""

    address: str
    component: str = ""


@dataclass(frozen=True)
class Service:
    """One supervised process. It starts as soon as all of `needs` are up."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    address: str | None = None
    variable: str | None = None
    """The setting of the port in `address`."""
    up: Probe | None = None
    """Without one, a service is up when its process has lived for a moment."""
    ready: Probe | None = None
    """What is asked where up is not enough; without one, up is."""
    warm_up: str | None = None
    """An address asked for once when the service is up, since its first answer is slow."""
    one_shot: bool = False
    """Up means ended with exit code 0."""
    late: bool = False
    """Started after the training, which does without it and gets the processor for itself."""

    @property
    def port(self) -> int | None:
        """The port in `address`."""
        return urlsplit(self.address).port if self.address else None


def script(service: Service) -> str:
    """Return the shell script that becomes the service's process."""
    lines = ["#!/bin/sh", f"cd {shlex.quote(str(ROOT))} || exit 1"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in service.environment.items()]
    return "\n".join([*lines, f"exec {shlex.join(service.command)}", ""])


@dataclass(frozen=True)
class Stack:
    """The services with their settings: `bins` holds the folder of commands of each Hatch environment."""

    settings: Settings
    folder: StateFolder
    bins: Mapping[str, Path]

    @property
    def mlflow(self) -> str:
        """The registry's address."""
        return f"http://127.0.0.1:{self.settings.mlflow_server_port}"

    @property
    def airflow(self) -> str:
        """The pipeline's address."""
        return f"http://127.0.0.1:{self.settings.training_pipeline_port}"

    @property
    def model_api(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self.settings.model_api_port}"

    def services(self) -> tuple[Service, ...]:
        """Return the services in the order in which they are shown. The API first: it serves from its cache at once."""
        return (self._model_api(), self._mlflow(), *self._airflow())

    def training(self) -> Service:
        """Return the command that trains what has no champion yet."""
        return Service("ensure", (*self._pipeline_command(), "ensure"), self._pipeline_environment())

    def _model_api(self) -> Service:
        return Service(
            "model-api",
            (str(self._bin("model-api") / "mlyard-model-api"), "serve"),
            self._environment(
                "model-api",
                MLYARD_MODEL_API_HOST="127.0.0.1",
                MLYARD_MODEL_API_PORT=str(self.settings.model_api_port),
                MLYARD_MODEL_API_REGISTRY_URI=self.mlflow,
                MLYARD_MODEL_API_CACHE=str(self.folder.path / "model_api"),
                MLYARD_MODEL_API_SECRETS_DIR=str(self.folder.secrets / "model_api"),
            ),
            address=self.model_api,
            variable="MLYARD_MODEL_API_PORT",
            up=Probe(f"{self.model_api}/health/live"),
            ready=Probe(f"{self.model_api}/health/ready"),
        )

    def _mlflow(self) -> Service:
        home = self.folder.path / "mlflow"
        return Service(
            "mlflow",
            (str(self._bin("mlflow-server") / "mlyard-mlflow-server"), "serve"),
            self._environment(
                "mlflow-server",
                MLYARD_MLFLOW_SERVER_HOST="127.0.0.1",
                MLYARD_MLFLOW_SERVER_PORT=str(self.settings.mlflow_server_port),
                MLYARD_MLFLOW_SERVER_BACKEND_STORE_URI=f"sqlite:///{home / 'mlflow.db'}",
                MLYARD_MLFLOW_SERVER_ARTIFACT_ROOT=str(home / "artifacts"),
            ),
            address=self.mlflow,
            variable="MLYARD_MLFLOW_SERVER_PORT",
            up=Probe(f"{self.mlflow}/health/ready"),
        )

    def _airflow(self) -> tuple[Service, ...]:
        init = Service(
            "airflow-init", (*self._pipeline_command(), "airflow", "init"), self._pipeline_environment(), one_shot=True
        )
        api = Service(
            "airflow",
            (*self._pipeline_command(), "airflow", "api-server"),
            self._pipeline_environment(),
            needs=(init.name,),
            address=self.airflow,
            variable="MLYARD_TRAINING_PIPELINE_PORT",
            up=Probe(f"{self.airflow}/api/v2/version"),
            warm_up=f"{self.airflow}/execution/health",
        )
        others = (
            Service(
                f"airflow-{process}",
                (*self._pipeline_command(), "airflow", process),
                self._pipeline_environment(),
                needs=(init.name,),
                up=Probe(f"{self.airflow}/api/v2/monitor/health", process.replace("-", "_")),
                late=process == "triggerer",
            )
            for process in ("scheduler", "dag-processor", "triggerer")
        )
        return (init, api, *others)

    def _pipeline_command(self) -> tuple[str, ...]:
        return (str(self._bin("training-pipeline") / "mlyard-training-pipeline"),)

    def _pipeline_environment(self) -> dict[str, str]:
        return self._environment(
            "training-pipeline",
            MLYARD_TRAINING_PIPELINE_HOST="127.0.0.1",
            MLYARD_TRAINING_PIPELINE_PORT=str(self.settings.training_pipeline_port),
            MLYARD_TRAINING_PIPELINE_REGISTRY_URI=self.mlflow,
            MLYARD_TRAINING_PIPELINE_MODELS=str(self.settings.specs()),
            MLYARD_TRAINING_PIPELINE_STATE=str(self.folder.path / "airflow"),
            MLYARD_TRAINING_PIPELINE_AIRFLOW_URL=self.airflow,
            MLYARD_TRAINING_PIPELINE_SECRETS_DIR=str(self.folder.secrets / "training_pipeline"),
        )

    def _environment(self, name: str, **variables: str) -> dict[str, str]:
        path = f"{self._bin(name)}{os.pathsep}{processes.environment(self.folder.path)['PATH']}"
        return {"PATH": path, **variables}

    def _bin(self, name: str) -> Path:
        return self.bins[name]
