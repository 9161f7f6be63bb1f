"""The servers that are compared, each a process with the environment that Hatch keeps for it."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

HERE = Path(__file__).parent
KEY = "a-key-for-the-benchmark"
START_SECONDS = 120


class Unavailable(Exception):
    """A peer that cannot run here; says why."""


class Server:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        """Name its process and its port."""
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    @property
    def processes(self) -> list[int]:
        """It and its descendants."""
        found = [self.process.pid]
        for process in found:
            for task in _read(f"/proc/{process}/task/{process}/children").split():
                found.append(int(task))  # noqa: PERF401 - the list grows while it is walked
        return found

    def cpu_seconds(self) -> float:
        """The processor's time that it has taken."""
        ticks = 0
        for process in self.processes:
            fields = _read(f"/proc/{process}/stat").rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:13])) if fields else 0
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> dict[str, float]:
        """The megabytes of each of its processes, by what it is: those that are shared count by their share."""
        found = {}
        for process in self.processes:
            command = _read(f"/proc/{process}/cmdline").split("\0")
            lines = [line for line in _read(f"/proc/{process}/smaps_rollup").splitlines() if line.startswith("Pss:")]
            if lines:
                name = next((word for word in command if word.startswith("mlyard_model_api")), command[0])
                found[f"{name} {process}"] = int(lines[0].split()[1]) / 1024
        return found


def interpreter(environment: str) -> str:
    """The Python of one of Hatch's environments, which is made where there is none.

    Raises:
        Unavailable: it cannot be installed.
    """
    command = ["hatch", "-e", environment, "run", "python", "-c", "import sys; print(sys.executable)"]
    # The pins of the environment that this runs in bind no other.
    bound = ("UV_", "HATCH_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(bound)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=own)
    if done.returncode != 0:
        raise Unavailable(f"{environment} cannot be installed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout.strip().splitlines()[-1]


@contextmanager
def running(command: list[str], *, port: int, health: str, log: Path, **settings: str) -> Iterator[Server]:
    """Run a server until the block ends.

    Raises:
        Unavailable: it does not start.
    """
    with log.open("wb") as output:
        environment = os.environ | {"NO_PROXY": "127.0.0.1"} | settings
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        server = Server(process, port)
        try:
            wait_until_ready(server, health, log)
            yield server
        finally:
            children = server.processes
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
            for child in children[1:]:
                try:
                    os.kill(child, 9)
                except ProcessLookupError:
                    continue


def wait_until_ready(server: Server, health: str, log: Path) -> None:
    """Wait until an address answers with success."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with opener.open(f"{server.url}{health}", timeout=5):
                return
        except OSError:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"it did not start: {log.read_text(errors='replace')[-1000:]}") from None
            time.sleep(0.02)


def free_port() -> int:
    """A port that nobody listens at; the two after it are free too."""
    while True:
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
                third.bind(("127.0.0.1", port + 2))
            except OSError:
                continue
            return port


def api(python: str, cache: Path, log: Path, *, workers: int = 1, models: str = "") -> AbstractContextManager[Server]:
    """Our own service, from a cache, with its registry away."""
    port = free_port()
    prefix = "MLYARD_MODEL_API_"
    settings = {
        "PORT": str(port),
        "CACHE": str(cache),
        "API_KEY": KEY,
        "REGISTRY_URI": "http://127.0.0.1:9",
        "WORKERS": str(workers),
        "MODELS": models,
    }
    named = {f"{prefix}{name}": value for name, value in settings.items()}
    command = [python, "-m", "mlyard_model_api", "serve"]
    return running(command, port=port, health="/health/ready", log=log, **named)


def _read(file: str) -> str:
    try:
        return Path(file).read_text()
    except OSError:
        return ""
