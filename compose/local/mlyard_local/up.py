"""The real stack as a plan for the foreground: checks, environments, services, then the training and the summary."""

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from mlyard_local import environments, ports, processes, secrets, summary
from mlyard_local.errors import TrainingFailed
from mlyard_local.inventory import Inventory
from mlyard_local.progress import Progress
from mlyard_local.services import Service, Stack
from mlyard_local.settings import Settings
from mlyard_local.state import StateFolder

NO_SPECS = 3
"""The exit code of `ensure` for a folder without specs, which it tells itself: the stack waits for the first one."""


class LocalStack:
    """MLflow, Airflow and the model API without containers."""

    def __init__(self, settings: Settings, folder: StateFolder) -> None:
        self._settings = settings
        self._folder = folder
        self._stack = Stack(settings, folder, {})
        self._has_specs = True

    def check(self) -> None:
        """See that there are specs and free ports, and make the secrets."""
        self._settings.specs()
        secrets.make(self._folder.secrets)
        for service, port in Inventory.load().ports().items():
            ports.check(self._settings.port(port.variable), service=service, variable=port.variable)

    def services(self, progress: Progress) -> Sequence[Service]:
        """Make the environments that are missing."""
        self._stack = Stack(self._settings, self._folder, environments.prepare(self._folder, progress))
        return self._stack.services()

    def train(self, progress: Progress, check: Callable[[], None]) -> None:
        """Train what has no champion yet; `ensure` says how it goes."""
        progress.pause()
        self._ensure(check)

    def finish(self, progress: Progress, check: Callable[[], None]) -> None:
        """Show the addresses when the API serves the champions."""
        with summary.Api(self._stack.model_api, self._folder.secrets / "model_api" / "api_key") as api:
            progress.wait_for("waiting for", ["the model API to load the champions"])
            missing = api.wait_until_ready(check, seconds=summary.LOADED if self._has_specs else 0)
            models = api.models()
            progress.pause()
            row = api.example_row(models[0]) if models else None
            summary.show(progress.console, self._stack, models, row=row, missing=missing)

    def _ensure(self, check: Callable[[], None]) -> None:
        training = self._stack.training()
        environment = processes.environment(self._folder.path) | dict(training.environment)
        process = subprocess.Popen(training.command, env=environment, stdin=subprocess.DEVNULL)
        try:
            while process.poll() is None:
                check()
                time.sleep(0.1)
        finally:
            _end(process)
        self._has_specs = process.returncode != NO_SPECS
        if process.returncode and self._has_specs:
            raise TrainingFailed(process.returncode)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Reap the process; one that does not end on SIGTERM is left to the keeper."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(2)
