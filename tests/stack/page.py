"""The commands of `docs/operations.md`, as they stand there, and a shell to give them in."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from waiting import wait_until

from .docker import run
from .stack import ROOT, Stack

PAGE = ROOT / "docs/operations.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
PROGRAMS = ("chmod", "cp", "curl", "date", "df", "dmesg", "docker", "export", "ss")


def commands() -> list[str]:
    """Every block for a shell, and every span of code that begins with a program's name; each once, in their order."""
    text = PAGE.read_text()
    found = [(match.start(), match[1].strip()) for match in BLOCK.finditer(text)]
    prose = re.sub(r"^```.*?^```$", lambda block: " " * len(block[0]), text, flags=re.DOTALL | re.MULTILINE)
    found += [
        (match.start(), match[1])
        for match in SPAN.finditer(prose)
        if " " in match[1] and match[1].split()[0] in PROGRAMS
    ]
    return list(dict.fromkeys(command for _, command in sorted(found)))


class Shell:
    """A shell in which the stack's files are named once, as the page says; `folder` is where it stands."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder

    def run(self, command: str, *, seconds: float = 180, fails: bool = False) -> str:
        """Give a command of the page and return all that it prints.

        Raises:
            Failed: its exit code is not 0; with `fails`, that it is 0.
        """
        done = run(*self._command(command), seconds=seconds, check=not fails, env=self._environment())
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def attached(self, command: str, *, until: Callable[[str], bool], seconds: float = 180) -> Iterator[None]:
        """Give a command that stays, wait for what it shows or does, and in the end press Ctrl-C."""
        output = self.folder / "output"
        with output.open("wb") as stream:
            process = subprocess.Popen(
                self._command(command), env=self._environment(), stdout=stream, stderr=stream, start_new_session=True
            )
        try:
            wait_until(lambda: until(output.read_text(errors="replace")), seconds=seconds, what=command)
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)

    def _command(self, command: str) -> list[str]:
        ours = command.replace("-f compose/", f"-f {ROOT}/compose/").replace("http://localhost:8000", self.stack.api)
        ours = re.sub(r"\bmlyard_(?=\w+_(?:db|data|state|cache|network)|secrets)", f"{self.stack.project}_", ours)
        return ["bash", "-euo", "pipefail", "-c", f"cd {self.folder}; trap - INT; {ours}"]

    def _environment(self) -> dict[str, str]:
        return self.stack.shell()
