"""Which version of each model serves, in memory, by name and alias.

Followers write, each its own model; requests read what was there when they came. A slot is replaced as a whole.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from mlyard_shared.contract import Contract

from mlyard_model_api.errors import ModelNotReady, ModelUnknown, NoDefaultModel
from mlyard_model_api.serving.version import Reference, ServedVersion

Alias = Literal["champion"]
"""The aliases that are followed."""
NOT_ASKED = "models are being loaded, and the registry has not been asked yet"


class Refusal(Contract):
    """A version that was to serve and may not."""

    version: int
    reason: str
    at: datetime


@dataclass(frozen=True)
class Slot:
    """A model's place: what serves, what served before it (for an instant way back), and what was last refused.

    `since` is when the one that serves came to serve, the last time.
    """

    current: ServedVersion | None = None
    previous: ServedVersion | None = None
    refused: Refusal | None = None
    since: datetime | None = None

    @property
    def is_decided(self) -> bool:
        """Whether it is known what becomes of the model: it serves, or a version was refused."""
        return self.current is not None or self.refused is not None


class Models:
    """The models of this process."""

    def __init__(self, wanted: tuple[str, ...], *, default_model: str | None = None) -> None:
        """Start empty; `wanted` are the configured names, none for every model with a champion."""
        self.wanted = wanted
        self.default_model = default_model
        self.registry_problem: str | None = NOT_ASKED
        self._slots: dict[tuple[str, Alias], Slot] = {}
        self._expected: frozenset[str] = frozenset(wanted)
        self._at_start: frozenset[str] = frozenset()
        self._learns = False
        self._lock = threading.Lock()

    def names(self, alias: Alias = "champion") -> tuple[str, ...]:
        """The models that are served."""
        found = (name for (name, of), slot in list(self._slots.items()) if of == alias and slot.current is not None)
        return tuple(sorted(found))

    def slot(self, name: str, alias: Alias = "champion") -> Slot:
        """A model's place, empty for one that is not here."""
        return self._slots.get((name, alias)) or Slot()

    def serving(self, name: str, alias: Alias = "champion") -> tuple[ServedVersion, Slot]:
        """What serves now, and its place.

        Raises:
            ModelUnknown: nobody expects such a model.
            ModelNotReady: the model is expected, and cannot serve yet.
        """
        slot = self.slot(name, alias)
        if slot.current is not None:
            return slot.current, slot
        if name in self._expected:
            raise ModelNotReady(self._reason(name))
        if self.registry_problem is not None and not self._expected:
            raise ModelNotReady(f"no model is here yet: {self.registry_problem}")
        raise ModelUnknown(self.names(alias))

    def default(self) -> str:
        """The model of requests that name none: the configured one, or the only one that is served.

        Raises:
            NoDefaultModel: there is none, or there are several.
        """
        served = self.names()
        if self.default_model is None and len(served) != 1:
            raise NoDefaultModel(served)
        return self.default_model or served[0]

    def refusals(self) -> dict[str, Refusal]:
        """The last version of each model that was to serve and may not, where there is one."""
        found = ((name, slot.refused) for (name, _), slot in list(self._slots.items()))
        return {name: refused for name, refused in found if refused is not None}

    def loaded(self, name: str, alias: Alias = "champion") -> tuple[ServedVersion, ...]:
        """The versions of a model in memory: what serves, and what served before it; raises as `serving` does."""
        current, slot = self.serving(name, alias)
        return (current, slot.previous) if slot.previous is not None else (current,)

    def expect(self, names: tuple[str, ...]) -> None:
        """Say which models are followed from now on, beside those that are already."""
        with self._lock:
            self._expected |= frozenset(names)

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Do not become ready while the block asks which models there are; who is ready stays so."""
        self._learns = bool(self.not_ready())
        try:
            yield
        finally:
            self._learns = False

    def found_at_start(self, names: tuple[str, ...]) -> None:
        """Say which models the cache, or the first answer of the registry, has: they are decided before it is ready.

        A process that is ready already has all that it started with: what comes then takes nothing from it.
        """
        if self.not_ready():
            with self._lock:
                self._at_start |= frozenset(names)

    def swap(self, version: ServedVersion, alias: Alias = "champion") -> None:
        """Let a version serve from the next request on."""
        self._change(version.reference.name, alias, lambda slot: Slot(version, slot.current, since=_now()))

    def stand_in(self, version: ServedVersion, alias: Alias = "champion") -> None:
        """Let a version serve where nothing does, in the place of one that was refused."""
        self._change(version.reference.name, alias, lambda slot: replace(slot, current=version, since=_now()))

    def swap_back(self, name: str, alias: Alias = "champion") -> None:
        """Let the version before serve again; what was refused stays known."""
        self._change(
            name, alias, lambda slot: replace(slot, current=slot.previous, previous=slot.current, since=_now())
        )

    def release_previous(self, name: str, alias: Alias = "champion") -> None:
        """Let go of the version before."""
        self._change(name, alias, lambda slot: replace(slot, previous=None))

    def refuse(self, name: str, refusal: Refusal, alias: Alias = "champion") -> None:
        """Leave what serves, and note why another version may not."""
        self._change(name, alias, lambda slot: replace(slot, refused=refusal))

    def retire(self, name: str, alias: Alias = "champion") -> None:
        """Stop serving a model."""
        self._change(name, alias, lambda _: None)
        with self._lock:
            self._expected = self._expected - {name} | frozenset(self.wanted)
            self._at_start -= {name}

    def previous(self, reference: Reference, alias: Alias = "champion") -> bool:
        """Whether the version is the one in memory that served before."""
        slot = self.slot(reference.name, alias)
        return slot.previous is not None and slot.previous.reference == reference

    def with_previous(self) -> tuple[tuple[str, Alias], ...]:
        """The places that hold a version before the one that serves."""
        return tuple(place for place, slot in list(self._slots.items()) if slot.previous is not None)

    def not_ready(self) -> tuple[str, ...]:
        """Why this process should get no requests yet; nothing when it should.

        Configured models must all be served. Without configuration one must be, and each model that was there at the
        start must be served or refused; a model that turns up later takes nothing from those that are served.
        """
        served = self.names()
        if self.wanted:
            missing = [name for name in self.wanted if name not in served]
        elif not served:
            missing = sorted(self._expected)
        else:
            missing = [name for name in sorted(self._at_start) if not self.slot(name).is_decided]
        if missing:
            return tuple(f"{name}: {self._reason(name)}" for name in missing)
        if served and self._learns:
            return ("the registry is being asked which models there are",)
        return () if served else (self.registry_problem or "no model has a champion",)

    def _change(self, name: str, alias: Alias, change: Callable[[Slot], Slot | None]) -> None:
        """Replace or remove a slot; the lanes of versions that are in it no more end."""
        with self._lock:
            before = self.slot(name, alias)
            after = change(before)
            if after is None:
                self._slots.pop((name, alias), None)
            else:
                self._slots[name, alias] = after
        kept = (after.current, after.previous) if after is not None else ()
        for version in (before.current, before.previous):
            if version is not None and all(version is not other for other in kept):
                version.lane.close()

    def _reason(self, name: str) -> str:
        refused = self.slot(name).refused
        if refused is not None:
            return f"version {refused.version} was refused: {refused.reason}"
        if self.registry_problem is not None:
            return self.registry_problem
        return "it has no champion that is loaded yet"


def _now() -> datetime:
    return datetime.now(UTC)
