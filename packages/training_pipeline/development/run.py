"""Train from a spec against a registry of its own: `hatch run training-pipeline:run SPEC`.

MLflow runs in the environment `mlflow-server`, which Hatch makes where it is missing, as long as the training does.
Its state stays in `.mlyard/development`, so that the next run finds the champion of this one, and
`hatch run training-pipeline:registry` shows what the runs have left there, until Ctrl-C.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[3]
STATE = ROOT / ".mlyard" / "development" / "training_pipeline"
PREFIX = "MLYARD_TRAINING_PIPELINE_"
START_SECONDS = 240


@contextmanager
def registry() -> Iterator[str]:
    """An MLflow server on a free port; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    STATE.mkdir(parents=True, exist_ok=True)
    settings = {"MLYARD_MLFLOW_SERVER_PORT": str(port)}
    # Only what the outer command set is for another environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "HATCH_ENV"))}
    command = ["hatch", "env", "run", "--env", "mlflow-server", "--", "python", "-c"]
    where = subprocess.run(
        [*command, "import sys; print(sys.executable)"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if where.returncode != 0:
        sys.exit(f"the environment of MLflow's server could not be made:\n{where.stderr}")
    server = Path(where.stdout.splitlines()[-1]).with_name("mlyard-mlflow-server")
    log = STATE / "mlflow.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [server, "serve"],
            cwd=STATE,
            env=environment | settings,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"MLflow did not start: {log} says why")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def main(arguments: list[str]) -> int:
    """Run the command with what follows on the command line, or only show what runs have left."""
    if not arguments:
        sys.exit("give a spec, such as examples/penguins/penguins.toml")
    if arguments == ["--registry"]:
        with registry() as address:
            print(f"MLflow is at {address}, with the state in {STATE}; Ctrl-C ends it", flush=True)
            threading.Event().wait()
    command = [Path(sys.executable).with_name("mlyard-training-pipeline"), "run", *arguments]
    with registry() as address:
        ended = subprocess.run(command, env=os.environ | {f"{PREFIX}REGISTRY_URI": address}, check=False)
    print(f"the registry has ended; its state is kept in {STATE}: remove the folder to begin anew")
    print("its pages: hatch run training-pipeline:registry")
    return ended.returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
