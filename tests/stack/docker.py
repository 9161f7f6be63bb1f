"""The Docker Engine, through its own command line."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import httpx


class Failed(AssertionError):
    """A command ended with an exit code that is not 0."""


def run(
    *command: str, seconds: float = 120, check: bool = True, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Raises:
        Failed: its exit code is not 0; says what it printed.
    """
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, check=False, env=env, input=stdin, errors="replace"
    )
    if check and done.returncode:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def docker(*arguments: str, seconds: float = 120) -> str:
    """What a `docker` command prints."""
    return run("docker", *arguments, seconds=seconds).stdout.strip()


def inspect(name: str) -> dict[str, Any]:
    """What the engine knows of one object."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", name))
    return found[0]


def answers(url: str) -> bool:
    """Whether a GET is answered with 2xx."""
    return httpx.get(url, timeout=5).is_success
