"""`up` with stub services, through the same door as the real one: `stub_up.py STATE SERVICES`; SERVICES is JSON."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlyard_local import foreground, ports, secrets
from mlyard_local.cli import guarded
from mlyard_local.progress import Progress
from mlyard_local.services import Probe, Service
from mlyard_local.state import StateFolder
from rich.console import Console


class StubPlan:
    def __init__(self, folder: StateFolder, described: Sequence[dict[str, Any]]) -> None:
        self._folder = folder
        self._services = [
            Service(
                entry["name"],
                (sys.executable, *entry["arguments"]),
                {"MLYARD_STUB": 'it\'s 100% "odd"'},
                address=f"http://127.0.0.1:{entry['port']}" if "port" in entry else None,
                up=Probe(f"http://127.0.0.1:{entry['port']}/") if "port" in entry else None,
                ready=Probe(f"http://127.0.0.1:{entry['port']}{entry['ready']}") if "ready" in entry else None,
                one_shot=entry.get("one_shot", False),
                needs=tuple(entry.get("needs", ())),
            )
            for entry in described
        ]

    def check(self) -> None:
        secrets.make(self._folder.secrets)
        for service in self._services:
            if service.port:
                ports.check(service.port, service=service.name, variable="MLYARD_STUB_PORT")

    def services(self, progress: Progress) -> Sequence[Service]:
        return self._services

    def train(self, progress: Progress, check: Callable[[], None]) -> None:
        progress.say("training", "none")

    def finish(self, progress: Progress, check: Callable[[], None]) -> None:
        progress.say("complete", "all of it")


if __name__ == "__main__":
    place = StateFolder(Path(sys.argv[1]))
    with Progress(Console()) as shown:
        sys.exit(
            guarded(lambda: foreground.run(place, StubPlan(place, json.loads(Path(sys.argv[2]).read_text())), shown))
        )
