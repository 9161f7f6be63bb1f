"""A registry in memory, behind the API's own door; the contract tests use MLflow's."""

import shutil
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from mlyard_shared.errors import ArtifactMissing, RegistryUnavailable
from mlyard_shared.registry import Alias, ModelVersion, Standing

from .versions import WHEN


class FakeRegistry:
    def __init__(self) -> None:
        self.folders: dict[tuple[str, int], Path] = {}
        self.champions: dict[str, ModelVersion] = {}
        self.versions: dict[tuple[str, int], ModelVersion] = {}
        self.models: dict[str, datetime] = {}
        """When each model was made; the experiment of its promotions was made an hour later."""
        self.ledgers: dict[str, datetime] = {}
        self.away = False
        self.downloads: list[int] = []
        self.polls = 0
        self.gate = threading.Event()
        """A download waits for it."""
        self.gate.set()
        self.held: set[str] = set()
        """The models whose downloads hang until `gate` is set, be it set already."""

    def __call__(self) -> "FakeRegistry":
        return self

    def register(self, name: str, version: int, folder: Path, digest: str) -> None:
        self.folders[name, version] = folder
        self.models.setdefault(name, WHEN - timedelta(days=1))
        self.ledgers.setdefault(name, self.models[name] + timedelta(hours=1))
        self.versions[name, version] = ModelVersion(
            name=name, version=version, manifest_sha256=digest, gate_report=None, run_id="run", created_at=WHEN
        )

    def promote(self, name: str, version: int) -> None:
        self.champions[name] = self.versions[name, version]

    def served_models(self) -> tuple[str, ...]:
        self.polls += 1
        self._answer()
        return tuple(sorted(self.champions))

    def find(self, name: str, alias: Alias) -> ModelVersion | None:
        assert alias == "champion"
        self._answer()
        return self.champions.get(name)

    def standing(self, name: str) -> Standing:
        self._answer()
        return Standing(model=self.models.get(name), promotions=self.ledgers.get(name))

    def download(self, version: ModelVersion, folder: Path, *, is_wanted: Callable[[], bool] = lambda: True) -> None:
        self._answer()
        if version.name in self.held:
            self.gate.clear()
        assert self.gate.wait(20)
        self._answer()
        if not self.folders[version.name, version.version].is_dir():
            raise ArtifactMissing(f"the files of {version.name} version {version.version}", "http://registry")
        self.downloads.append(version.version)
        shutil.copytree(self.folders[version.name, version.version], folder, dirs_exist_ok=True)

    def _answer(self) -> None:
        if self.away:
            raise RegistryUnavailable("http://registry", "it is away")
