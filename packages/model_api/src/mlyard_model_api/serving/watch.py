"""The watch of the registry: one thread that asks where the champions are, and lets followers do the rest."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlyard_shared.errors import ModelVersionRefused, RegistryError, RegistryUnavailable

from mlyard_model_api.serving.followers import Followers
from mlyard_model_api.serving.marks import clear_marks
from mlyard_model_api.serving.models import Refusal
from mlyard_model_api.serving.orders import Order, Orders
from mlyard_model_api.serving.registry import Registry
from mlyard_model_api.serving.version import Reference
from mlyard_model_api.settings import MODEL_NAME

if TYPE_CHECKING:  # the module imports MLflow, which takes seconds
    from mlyard_shared.registry import ModelVersion

ERASE_SECONDS = 3600.0
STOP_SECONDS = 1.0

log = logging.getLogger(__name__)


class Watch:
    """Watches the registry for all models. `start` runs it in a thread, `poll` is one step of it."""

    def __init__(
        self,
        followers: Followers,
        connect: Callable[[], Registry],
        *,
        seconds: float,
        retention: timedelta,
        polled: Callable[[], None],
    ) -> None:
        """Nothing is asked yet; `connect` is called at the first poll, `polled` whenever the registry has answered."""
        self.followers = followers
        self._models = followers.place.models
        self._histories = followers.place.histories
        self._cache = followers.place.cache
        self._connect = connect
        self._seconds = seconds
        self._retention = retention
        self._polled = polled
        self._registry: Registry | None = None
        self._orders = Orders(self._cache.folder)
        self._seen: dict[str, ModelVersion | None] = {}
        self._lost: set[str] = set()
        self._has_answered = False
        self._erase_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Watch in a thread, and follow each model in one."""
        self.followers.start()
        self._thread.start()

    def stop(self) -> None:
        """Ask the threads to end, and give this one a moment."""
        self._stopping.set()
        self.followers.stop()
        self._thread.join(STOP_SECONDS)

    def poll(self) -> None:
        """Carry out orders, ask the registry once, and tell the followers what it says."""
        self.followers.resume()
        for order in self._orders.take():
            self._carry_out(order)
        try:
            self._registry = self._registry or self._connect()
            named = self._models.wanted or self._registry.served_models()
            names = dict.fromkeys((*named, *self.followers.names()))
            with self._models.learning():
                problems = [problem for name in names if (problem := self._ask(self._registry, name)) is not None]
                if not self._has_answered:
                    self._has_answered = True
                    self._models.found_at_start(tuple(name for name, found in self._seen.items() if found is not None))
        except RegistryError as error:
            self._note_registry(str(error))
            return
        self._polled()
        self._note_registry(problems[0] if problems else None)
        if time.monotonic() >= self._erase_at:
            self._erase_at = time.monotonic() + ERASE_SECONDS
            self._erase_retired()

    def _ask(self, registry: Registry, name: str) -> str | None:
        """Ask where the champion of one model is; return what is wrong with the answer.

        Raises:
            RegistryUnavailable: there is no answer for any model.
        """
        try:
            found = registry.find(name, "champion")
            if found is None:
                self._without_champion(registry, name)
            elif found != self._seen.get(name):
                self._with_champion(registry, found)
            else:
                self._lost.discard(name)
        except RegistryUnavailable:
            raise
        except (RegistryError, OSError) as error:
            return f"{name}: {error}"
        return None

    def _with_champion(self, registry: Registry, found: "ModelVersion") -> None:
        name = found.name
        foreign = _foreign(found)
        if foreign is not None:
            self._models.expect((name,))
            self._models.refuse(name, Refusal(version=found.version, reason=foreign, at=datetime.now(UTC)))
            log.error("%s version %d is refused: %s", name, found.version, foreign)
        else:
            reference = Reference(name=name, version=found.version, digest=found.manifest_sha256)
            self.followers.of(name).see(reference, found, registry)
            standing = registry.standing(name)
            if standing.model is None or standing.model > found.created_at:
                return  # the registry was replaced between the two questions: ask again
            self._histories.note_registry(name, standing)
        self._seen[name] = found
        self._lost.discard(name)

    def _without_champion(self, registry: Registry, name: str) -> None:
        """Stop serving a model that lost its champion on purpose; keep one that the registry does not know."""
        if self._seen.get(name, ...) is None or not (self._models.slot(name).is_decided or name in self._seen):
            return
        if MODEL_NAME.fullmatch(name) is None:
            self._models.retire(name)
        elif self._histories.read(name).is_deliberate(registry.standing(name)):
            self.followers.of(name).retire()
            self._histories.note_retired(name)
        else:
            if name not in self._lost:
                self._lost.add(name)
                log.warning(
                    "the registry does not know %s, which serves here: it serves on, and its files are kept; "
                    "`mlyard-model-api forget %s` ends that",
                    name,
                    name,
                )
            return
        self._seen[name] = None

    def _carry_out(self, order: Order) -> None:
        name = order.model
        if MODEL_NAME.fullmatch(name) is None:
            return
        log.info("as ordered: %s %s", order.kind, name)
        if order.kind == "forget":
            self.followers.forget(name)
            self._seen.pop(name, None)
            self._lost.discard(name)
        else:
            clear_marks(self._cache.folder, name)
            if name in self.followers.names():
                self.followers.of(name).try_again()

    def _erase_retired(self) -> None:
        for name in self._cache.models():
            retired_at = self._histories.read(name).retired_at
            is_over = retired_at is not None and datetime.now(UTC) - retired_at > self._retention
            if is_over and self._models.slot(name).current is None:
                log.info("%s was retired on %s: its files are erased", name, retired_at)
                self._cache.drop(name)

    def _note_registry(self, problem: str | None) -> None:
        before, self._models.registry_problem = self._models.registry_problem, problem
        if problem is not None and problem != before:
            log.warning("%s; serving what is here", problem)
        elif problem is None and before is not None:
            log.info("the registry answers")
            for follower in self.followers.all():
                follower.try_again(registry_is_back=True)

    def _run(self) -> None:
        self._orders.skip()
        while not self._stopping.is_set():
            try:
                self.poll()
            # A fault of ours must not end the watch: it is logged, and the next poll tries again.
            except Exception:
                log.exception("a poll failed")
            self._stopping.wait(self._seconds)


def _foreign(champion: "ModelVersion") -> str | None:
    """Why a version is none of mlyard's, if so."""
    from mlyard_shared.registry.version import check_own

    if MODEL_NAME.fullmatch(champion.name) is None:
        return f"{champion.name!r} is not a name that a model spec can give"
    try:
        check_own(champion)
    except ModelVersionRefused as error:
        return str(error)
    return None
