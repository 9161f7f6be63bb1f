"""The stack as a user starts it: `hatch run up` in a clone, with its state and ports aside."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
from ports import free_ports

ROOT = Path(__file__).parents[2]
OURS = ("HATCH_ENV", "PYTHONPATH", "UV_", "VIRTUAL_ENV")
"""Variables of the tests' own Hatch environment, which a user's shell does not have."""

PORTS = ("MLYARD_MLFLOW_SERVER_PORT", "MLYARD_TRAINING_PIPELINE_PORT", "MLYARD_MODEL_API_PORT")


class Stack:
    """One state folder and its three ports; started and stopped by the public commands only."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.models = folder / "models"
        self.output = folder / "up.log"
        self.ports = dict(zip(PORTS, free_ports(3), strict=True))
        shutil.copytree(ROOT / "examples/penguins", self.models / "penguins")
        paths = {"MLYARD_STATE": str(self.state), "MLYARD_MODELS": str(self.models), "NO_COLOR": "1"}
        shell = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.environment = shell | paths | {name: str(port) for name, port in self.ports.items()}
        self.registry_uri = f"http://127.0.0.1:{self.ports[PORTS[0]]}"
        self.api = f"http://127.0.0.1:{self.ports[PORTS[2]]}"

    @property
    def key(self) -> str:
        return (self.state / "secrets/model_api/api_key").read_text().strip()

    def hatch(self, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `hatch ...` in the clone."""
        command = [sys.executable, "-m", "hatch", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=seconds, check=False
        )

    def pipeline(self, *arguments: str) -> str:
        """Run `mlyard-training-pipeline ...` against this stack's registry and return what it printed."""
        self.environment["MLYARD_TRAINING_PIPELINE_REGISTRY_URI"] = self.registry_uri
        self.environment["MLYARD_TRAINING_PIPELINE_STATE"] = str(self.state / "cli")
        done = self.hatch("run", "training-pipeline:mlyard-training-pipeline", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self) -> "subprocess.Popen[bytes]":
        """Start `hatch run up` in the background; its output goes to `self.output`."""
        with self.output.open("wb") as output:
            command = [sys.executable, "-m", "hatch", "run", "up"]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        return self.process

    def is_complete(self) -> bool:
        """Whether `up` has shown its last line, after the `curl` line whether the API is ready.

        Raises:
            AssertionError: `up` has ended.
        """
        assert self.process.poll() is None, self.output.read_text()
        return "\nThe model API is " in self.output.read_text()

    def processes(self) -> list[psutil.Process]:
        """Every process of this stack: they carry the state folder's path in their environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("MLYARD_STACK") == str(self.state):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def listener(self, port: int) -> int:
        """The pid of the process that listens on a port."""
        connections = psutil.net_connections("tcp")
        listening = (c.pid for c in connections if c.status == psutil.CONN_LISTEN and c.laddr.port == port)
        return int(next(pid for pid in listening if pid is not None))

    def predictions(self, body: dict[str, Any]) -> httpx.Response:
        url = f"{self.api}/models/penguins/predict"
        return httpx.post(url, json=body, headers={"Authorization": f"Bearer {self.key}"}, timeout=10)

    def kill_registry(self) -> int:
        """SIGKILL the process that listens on MLflow's port, and return its pid."""
        pid = self.listener(self.ports[PORTS[0]])
        os.kill(pid, signal.SIGKILL)
        return pid

    def sweep(self) -> None:
        """Leave nothing behind when a test failed half-way."""
        for process in self.processes():
            process.kill()
