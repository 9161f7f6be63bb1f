"""The Hatch environments of the services: made where they are missing, and where their commands are."""

import hashlib
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from mlyard_local import processes
from mlyard_local.errors import EnvironmentFailed
from mlyard_local.logs import last_words
from mlyard_local.progress import Progress
from mlyard_local.settings import ROOT
from mlyard_local.state import StateFolder

COMMANDS = {
    "model-api": "mlyard-model-api",
    "mlflow-server": "mlyard-mlflow-server",
    "training-pipeline": "mlyard-training-pipeline",
}
"""Each package's environment and the command that must be in it."""


def prepare(folder: StateFolder, progress: Progress) -> dict[str, Path]:
    """Return each environment's folder of commands, after Hatch has made or updated the environments if need be.

    Asking Hatch takes seconds, so the answer is kept in the state folder until a file changes that says what is in an
    environment.

    Raises:
        EnvironmentFailed: Hatch ended with an error.
    """
    known = folder.run / "environments.json"
    fingerprint = _fingerprint()
    bins = _remembered(known, fingerprint)
    if bins is None:
        bins = _make(folder, progress)
        known.write_text(json.dumps({"fingerprint": fingerprint, "bins": {n: str(b) for n, b in bins.items()}}))
    return bins


def _fingerprint() -> str:
    files = [
        ROOT / "pyproject.toml",
        *ROOT.glob("packages/*/pyproject.toml"),
        *ROOT.glob("packages/**/requirements*.txt"),
    ]
    digest = hashlib.sha256(str(ROOT).encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _remembered(known: Path, fingerprint: str) -> dict[str, Path] | None:
    try:
        content = json.loads(known.read_text())
        bins = {name: Path(content["bins"][name]) for name in COMMANDS}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    complete = all(
        (bins[name] / command).exists() and (bins[name] / "python").exists() for name, command in COMMANDS.items()
    )
    return bins if complete and content["fingerprint"] == fingerprint else None


def _make(folder: StateFolder, progress: Progress) -> dict[str, Path]:
    """Run Hatch for all environments at once. `hatch run` makes a missing environment and updates an outdated one."""
    started = time.monotonic()
    with ExitStack() as stack:
        running = {name: stack.enter_context(_hatch(name, folder)) for name in COMMANDS}
        progress.wait_for("environments", running)
        waiting = dict(running)
        bins = {}
        while waiting:
            for name in [name for name, process in waiting.items() if process.poll() is not None]:
                bins[name] = _bin(name, waiting.pop(name), folder.log(f"environment-{name}"))
                progress.wait_for("environments", waiting)
                progress.say(f"environment {name}", f"ready after {time.monotonic() - started:.0f} s")
            time.sleep(0.05)
    return bins


def _hatch(name: str, folder: StateFolder) -> subprocess.Popen[str]:
    with folder.log(f"environment-{name}").open("w") as log:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "hatch",
                "--no-color",
                "-e",
                name,
                "run",
                "python",
                "-c",
                "import sys; print(sys.prefix)",
            ],
            cwd=ROOT,
            env=processes.environment(folder.path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


def _bin(name: str, process: subprocess.Popen[str], log: Path) -> Path:
    lines, _ = process.communicate()
    if process.returncode:
        raise EnvironmentFailed(name, words=last_words(log), log=log)
    bin_folder = Path(lines.split("\n")[-2]) / "bin"
    if not os.access(bin_folder / COMMANDS[name], os.X_OK):
        words = f"it lacks the command {COMMANDS[name]}; remove it with `hatch env remove {name}` and try again"
        raise EnvironmentFailed(name, words=words, log=log)
    return bin_folder
