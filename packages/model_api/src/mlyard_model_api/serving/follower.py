"""Brings one model from what serves to what should: downloaded, verified, tried, loaded, swapped."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlyard_shared.errors import DigestMismatch, MlyardError, ModelVersionRefused, RegistryUnavailable
from mlyard_shared.manifest import Manifest
from mlyard_shared.storage import storage_fault

from mlyard_model_api.serving import version
from mlyard_model_api.serving.cache import Cache, Pointer
from mlyard_model_api.serving.download import DownloadFailed
from mlyard_model_api.serving.history import Histories
from mlyard_model_api.serving.loading import Loader
from mlyard_model_api.serving.models import Models, Refusal
from mlyard_model_api.serving.registry import Registry
from mlyard_model_api.serving.turns import Turns
from mlyard_model_api.serving.version import Reference, ServedVersion

if TYPE_CHECKING:  # the module imports MLflow, which takes seconds
    from mlyard_shared.registry import ModelVersion

FIRST_RETRY_SECONDS = 60.0
LAST_RETRY_SECONDS = 3600.0
PROBE_BYTES = 1024**2
PATIENCE_SECONDS = 30.0
"""A download that takes longer is no longer waited for by the others."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """What should serve; without a registry that has named it, it can come from the cache alone."""

    reference: Reference
    version: "ModelVersion | None" = None
    registry: Registry | None = None


@dataclass(frozen=True)
class Attempt:
    """A version that did not come to serve: how often it was tried, and when it is worth another try."""

    reference: Reference
    count: int
    retry_at: float
    is_registry_away: bool


@dataclass(frozen=True)
class Place:
    """What all followers share."""

    models: Models
    cache: Cache
    histories: Histories
    loader: Loader
    downloads: Turns
    clock: Callable[[], float] = time.monotonic


class Follower:
    """Follows one model. `step` runs in one thread; the other methods are for any."""

    def __init__(self, name: str, place: Place) -> None:
        """Nothing is loaded yet."""
        self.name = name
        self._place = place
        self._models = place.models
        self._cache = place.cache
        self._target: Target | None = None
        self._attempt: Attempt | None = None
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._is_stopping = False

    def run(self) -> None:
        """Follow until `stop`."""
        while not self._is_stopping:
            self._wake.clear()
            self.step()
            self._wake.wait(self._seconds_to_wait())

    def stop(self) -> None:
        """Let `run` end when its step is over."""
        self._is_stopping = True
        self._wake.set()

    def see(self, reference: Reference, found: "ModelVersion | None" = None, registry: Registry | None = None) -> None:
        """Say what should serve, and where it comes from."""
        target = Target(reference, found, registry)
        with self._lock:
            if self._target != target:
                self._target = target
                self._wake.set()

    def retire(self) -> None:
        """Stop serving the model, whatever is under way; its files stay in the cache."""
        with self._lock:
            if self._target is not None or self._models.slot(self.name).is_decided:
                log.info("%s has no champion any more and is not served", self.name)
            self._target = self._attempt = None
            self._models.retire(self.name)

    def try_again(self, *, registry_is_back: bool = False) -> None:
        """Wait no longer: at all, or where the registry did not answer."""
        with self._lock:
            attempt = self._attempt
            if attempt is not None and (attempt.is_registry_away or not registry_is_back):
                self._attempt = replace(attempt, retry_at=0.0)
                self._wake.set()

    def step(self) -> None:
        """Bring the model to where it should be, once."""
        with self._lock:
            target, attempt = self._target, self._attempt
            if target is None or self._serves(target.reference):
                self._attempt = None
                return
        if attempt is not None and attempt.reference == target.reference and self._place.clock() < attempt.retry_at:
            return
        try:
            self._bring(target)
        except (MlyardError, OSError, MemoryError) as error:
            self._refuse(target, _reason(error, self._cache), error)
        # A fault of ours is this model's trouble alone, and must not end its thread.
        except Exception as error:
            log.exception("%s version %d could not be loaded", self.name, target.reference.version)
            self._refuse(target, f"the API failed on it: {type(error).__name__}; its log says more", error)
        finally:
            self._place.loader.turns.done(self.name)

    def _serves(self, reference: Reference) -> bool:
        current = self._models.slot(self.name).current
        return current is not None and current.reference == reference

    def _is_wanted(self, target: Target) -> bool:
        return self._target is not None and self._target.reference == target.reference

    def _bring(self, target: Target) -> None:
        if self._models.previous(target.reference):
            self._serve_again(target)
            return
        self._place.loader.check(target.reference)
        if self._has_served(target.reference):
            self._load_and_serve(target)
            return
        # Of several workers one fetches and tries a version; then the others find it in the cache.
        with self._cache.turn(target.reference, is_wanted=lambda: self._is_wanted(target)):
            self._load_and_serve(target)

    def _load_and_serve(self, target: Target) -> None:
        loaded = self._load_cached(target) or self._fetch(target)
        with self._lock:
            if self._is_wanted(target):
                self._serve(loaded)
                self._attempt = None
            elif self._target is not None and target.version is None and not self._models.slot(self.name).is_decided:
                self._models.stand_in(loaded)  # it served last, and what is to serve now is not here yet
            else:
                loaded.lane.close()

    def _load_cached(self, target: Target) -> ServedVersion | None:
        """Load a version from the cache; None where it has to be fetched."""
        reference = target.reference
        if not self._cache.holds(reference):
            if target.version is None:
                raise ModelVersionRefused("its files are not in the cache, and the registry has not named it yet")
            return None
        try:
            manifest = version.verify(self._cache.path(reference), reference)
        except DigestMismatch as error:
            self._cache.discard(reference)
            if target.version is None:
                raise
            self._note_refusal(reference, f"its cached files cannot be used: {error}")
            return None
        except ModelVersionRefused:
            if target.version is None or not self._cache.lacks_files(reference):
                raise
            return None
        return self._load(reference, manifest)

    def _fetch(self, target: Target) -> ServedVersion:
        assert target.version is not None  # noqa: S101 - it is asked before
        assert target.registry is not None  # noqa: S101 - who named the version
        downloads = self._place.downloads.take(self.name, patience=PATIENCE_SECONDS)
        with downloads, self._cache.work_folder() as folder:
            try:
                target.registry.download(target.version, folder, is_wanted=lambda: self._is_wanted(target))
            except (DownloadFailed, RegistryUnavailable):
                # MLflow may report a full disk as it reports a server that is away.
                self._cache.check_writable(size=PROBE_BYTES)
                raise
            manifest = version.verify(folder, target.reference)
            with self._lock:
                if not self._is_wanted(target):
                    raise ModelVersionRefused("it is not to serve any more")
                self._cache.keep(folder, target.reference)
        return self._load(target.reference, manifest)

    def _load(self, reference: Reference, manifest: Manifest) -> ServedVersion:
        return self._place.loader.load(
            self._cache.path(reference), reference, manifest, has_served=self._has_served(reference)
        )

    def _has_served(self, reference: Reference) -> bool:
        pointer = self._cache.pointer(self.name)
        named = (pointer.current, pointer.previous) if pointer is not None else ()
        return reference in named or reference.digest in self._place.histories.read(self.name).served

    def _serve(self, loaded: ServedVersion) -> None:
        reference, before = loaded.reference, self._models.slot(self.name).current
        known = self._cache.pointer(self.name)
        lately = [before.reference] if before else [known.current, known.previous] if known else []
        pointer = Pointer(current=reference, previous=next((other for other in lately if other != reference), None))
        if pointer != known:
            self._cache.point(pointer)
        try:
            self._place.histories.note_served(reference)
        except OSError as error:  # it serves all the same, and may have a trial again some day
            log.warning("%s: that version %d serves cannot be noted: %s", self.name, reference.version, error)
        self._models.swap(loaded)
        engine = loaded.engine
        log.info("%s version %d serves (%s: %s)", self.name, reference.version, engine.name, engine.reason)

    def _serve_again(self, target: Target) -> None:
        with self._lock:
            current = self._models.slot(self.name).current
            self._cache.point(Pointer(current=target.reference, previous=current.reference if current else None))
            self._models.swap_back(self.name)
            self._attempt = None
        log.info("%s version %d serves again", self.name, target.reference.version)

    def _serve_any(self, refused: Reference) -> None:
        """Where nothing serves, serve what has served here before, from the cache."""
        pointer = self._cache.pointer(self.name)
        for reference in (pointer.current, pointer.previous) if pointer is not None else ():
            if reference is None or reference == refused or not self._cache.holds(reference):
                continue
            try:
                loaded = self._load(reference, version.verify(self._cache.path(reference), reference))
            except (MlyardError, OSError, MemoryError) as error:
                log.warning("%s version %d cannot serve in its place: %s", self.name, reference.version, error)
                continue
            with self._lock:
                if self._target is None:
                    loaded.lane.close()
                    return
                self._models.stand_in(loaded)
            log.warning("%s version %d serves in place of version %d", self.name, reference.version, refused.version)
            return

    def _refuse(self, target: Target, reason: str, error: Exception) -> None:
        with self._lock:
            if not self._is_wanted(target):
                return
            before = self._attempt
            count = before.count + 1 if before is not None and before.reference == target.reference else 1
            wait = min(FIRST_RETRY_SECONDS * 2 ** (count - 1), LAST_RETRY_SECONDS)
            away = isinstance(error, RegistryUnavailable) or (isinstance(error, DownloadFailed) and error.is_away)
            self._attempt = Attempt(target.reference, count, self._place.clock() + wait, is_registry_away=away)
            self._note_refusal(target.reference, reason)
        if self._models.slot(self.name).current is None:
            try:
                self._serve_any(target.reference)
            except (MlyardError, OSError) as fault:
                log.warning("%s: nothing in the cache can serve in its place: %s", self.name, fault)

    def _note_refusal(self, reference: Reference, reason: str) -> None:
        self._models.refuse(self.name, Refusal(version=reference.version, reason=reason, at=datetime.now(UTC)))
        log.error("%s version %d is refused: %s", self.name, reference.version, reason)

    def _seconds_to_wait(self) -> float | None:
        attempt = self._attempt
        return None if attempt is None else max(0.0, attempt.retry_at - self._place.clock())


def _reason(error: Exception, cache: Cache) -> str:
    """Why a version is refused, in a sentence."""
    if isinstance(error, OSError):
        fault = storage_fault(error, cache.folder)
        told = f"{fault.reason}: {fault.way_out}" if fault else error.strerror or type(error).__name__
        return f"its files cannot be kept or read in the cache, since {told}"
    if isinstance(error, MemoryError):
        return "there is not enough memory to load it"
    return str(error)
