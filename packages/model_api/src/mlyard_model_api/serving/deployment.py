"""How a version comes to serve: from the cache at the start, then wherever the alias `champion` points."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlyard_shared.errors import ArtifactMissing, ModelVersionRefused, RegistryError, RegistryUnavailable
from mlyard_shared.manifest import ONNX_FILE

from mlyard_model_api.errors import CacheUnusable
from mlyard_model_api.serving import version
from mlyard_model_api.serving.cache import Cache, Pointer
from mlyard_model_api.serving.models import Models, Refusal
from mlyard_model_api.serving.version import Reference, ServedVersion
from mlyard_model_api.settings import MODEL_NAME

if TYPE_CHECKING:  # the module imports MLflow, which takes seconds
    from mlyard_shared.registry import Alias, ModelVersion

FIRST_RETRY_SECONDS = 60.0
LAST_RETRY_SECONDS = 3600.0
PROBE_BYTES = 1024**2

log = logging.getLogger(__name__)


class Registry(Protocol):
    """What is asked of the registry. Every method may block, and raises `RegistryError`s."""

    def served_models(self) -> tuple[str, ...]:
        """The names of all models with a champion."""

    def find(self, name: str, alias: "Alias") -> "ModelVersion | None":
        """The version that an alias points to."""

    def download(self, version: "ModelVersion", folder: Path) -> None:
        """Bring every file of a version into an empty folder."""


@dataclass(frozen=True)
class Attempt:
    """A version that was refused, how often, and when it is worth another try."""

    version: int
    digest: str
    count: int
    retry_at: float


class Deployment:
    """Follows the registry's aliases. Not for several threads: the poll thread alone calls it."""

    def __init__(
        self,
        models: Models,
        cache: Cache,
        connect: Callable[[], Registry],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is loaded and nothing asked yet; `connect` is called at the first poll."""
        self.models = models
        self.cache = cache
        self._connect = connect
        self._clock = clock
        self._registry: Registry | None = None
        self._attempts: dict[str, Attempt] = {}

    def start_from_cache(self) -> None:
        """Serve what served last, without any registry."""
        pointers = [p for p in self.cache.pointers() if not self.models.wanted or p.current.name in self.models.wanted]
        self.models.expect(tuple(pointer.current.name for pointer in pointers))
        # Twins first: they load in a fraction of a second, while importing scikit-learn takes seconds.
        references = sorted((p.current for p in pointers), key=lambda r: not (self.cache.path(r) / ONNX_FILE).is_file())
        for reference in references:
            try:
                loaded = self._load_cached(reference)
                if loaded is not None:
                    self._serve(loaded)
            except (ModelVersionRefused, OSError) as error:
                self._note_refusal(reference.name, reference.version, str(error))

    def poll(self) -> None:
        """Ask the registry once, and do what it says."""
        try:
            self._registry = self._registry or self._connect()
            names = self.models.wanted or self._registry.served_models()
            found = {name: self._registry.find(name, "champion") for name in names}
            champions = {name: champion for name, champion in found.items() if champion is not None}
            self.models.expect(tuple(champions))
            for name in set(self.models.known()) - set(champions):
                self._retire(name)
            for champion in champions.values():
                self._follow(self._registry, champion)
        except RegistryError as error:
            self._note_registry(str(error))
        else:
            self._note_registry(None)

    def _follow(self, registry: Registry, champion: "ModelVersion") -> None:
        slot, attempt = self.models.slot(champion.name), self._attempts.get(champion.name)
        fact = (champion.version, champion.manifest_sha256)
        if slot.current is not None and (slot.current.reference.version, slot.current.reference.digest) == fact:
            return
        same = attempt is not None and (attempt.version, attempt.digest) == fact
        if attempt is not None and same and self._clock() < attempt.retry_at:
            return
        try:
            reference = _reference(champion)
            if self.models.previous(reference):
                self._serve_again(reference)
            else:
                self._serve(self._load_cached(reference) or self._fetch(registry, champion, reference))
        # Lost files are this version's own trouble: the other models are followed all the same.
        except (ModelVersionRefused, ArtifactMissing, CacheUnusable) as error:
            self._refuse(champion, str(error), attempt=attempt if same else None)
        except OSError as error:
            reason = f"its files cannot be kept or read in the cache: {error.strerror or type(error).__name__}"
            self._refuse(champion, reason, attempt=attempt if same else None)
        else:
            self._attempts.pop(champion.name, None)

    def _load_cached(self, reference: Reference) -> ServedVersion | None:
        """Load a version from the cache; None where it is not there, or not as it was registered.

        Raises:
            ModelVersionRefused: the files are right, and nothing here can run them.
        """
        folder = self.cache.path(reference)
        if not folder.is_dir():
            return None
        try:
            manifest = version.verify(folder, reference)
        except (ModelVersionRefused, OSError) as error:
            self._note_refusal(reference.name, reference.version, f"its cached files cannot be used: {error}")
            self.cache.discard(reference)
            return None
        return version.load(folder, reference, manifest)

    def _fetch(self, registry: Registry, champion: "ModelVersion", reference: Reference) -> ServedVersion:
        with self.cache.work_folder() as folder:
            try:
                registry.download(champion, folder)
            except RegistryUnavailable:
                # MLflow reports a full disk as it reports a server that is away.
                self.cache.check_writable(size=PROBE_BYTES)
                raise
            loaded = version.load(folder, reference, version.verify(folder, reference))
            self.cache.keep(folder, reference)
            return loaded

    def _serve(self, loaded: ServedVersion) -> None:
        reference, before = loaded.reference, self.models.slot(loaded.reference.name).current
        known = self.cache.pointer(reference.name)
        previous = before.reference if before else (known.previous if known else None)
        pointer = Pointer(current=reference, previous=previous)
        if pointer != known:
            self.cache.point(pointer)
        self.models.swap(loaded)
        engine = loaded.engine
        log.info("%s version %d serves (%s: %s)", reference.name, reference.version, engine.name, engine.reason)

    def _serve_again(self, reference: Reference) -> None:
        current = self.models.slot(reference.name).current
        self.cache.point(Pointer(current=reference, previous=current.reference if current else None))
        self.models.swap_back(reference.name)
        log.info("%s version %d serves again", reference.name, reference.version)

    def _refuse(self, champion: "ModelVersion", reason: str, *, attempt: Attempt | None) -> None:
        count = attempt.count + 1 if attempt else 1
        wait = min(FIRST_RETRY_SECONDS * 2 ** (count - 1), LAST_RETRY_SECONDS)
        self._attempts[champion.name] = Attempt(champion.version, champion.manifest_sha256, count, self._clock() + wait)
        self._note_refusal(champion.name, champion.version, reason)

    def _note_refusal(self, name: str, number: int, reason: str) -> None:
        self.models.refuse(name, Refusal(version=number, reason=reason, at=datetime.now(UTC)))
        log.error("%s version %d is refused: %s", name, number, reason)

    def _retire(self, name: str) -> None:
        if self.models.slot(name).current is not None:
            log.info("%s has no champion any more and is not served", name)
        self.models.retire(name)
        self._attempts.pop(name, None)
        if MODEL_NAME.fullmatch(name):
            self.cache.drop(name)

    def _note_registry(self, problem: str | None) -> None:
        before, self.models.registry_problem = self.models.registry_problem, problem
        if problem is not None and problem != before:
            log.warning("%s; serving what is here", problem)
        elif problem is None and before is not None:
            log.info("the registry answers")


def _reference(champion: "ModelVersion") -> Reference:
    from mlyard_shared.registry.version import check_own

    check_own(champion)
    if MODEL_NAME.fullmatch(champion.name) is None:
        raise ModelVersionRefused(f"{champion.name!r} is not a name that a model spec can give")
    return Reference(name=champion.name, version=champion.version, digest=champion.manifest_sha256)
