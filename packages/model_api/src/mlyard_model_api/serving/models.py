"""Which version of each model serves, in memory. One thread writes; requests read what was there when they came."""

from dataclasses import dataclass, replace
from datetime import datetime

from mlyard_shared.contract import Contract

from mlyard_model_api.errors import ModelNotReady, ModelUnknown
from mlyard_model_api.serving.version import Reference, ServedVersion

NOT_ASKED = "models are being loaded, and the registry has not been asked yet"


class Refusal(Contract):
    """A version that was to serve and may not."""

    version: int
    reason: str
    at: datetime


@dataclass(frozen=True)
class Slot:
    """A model's place: what serves, what served before it (for an instant way back), and what was last refused."""

    current: ServedVersion | None = None
    previous: ServedVersion | None = None
    refused: Refusal | None = None


class Models:
    """The models of this process. A slot is replaced as a whole, never changed."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        """Start empty; `wanted` are the configured names, none for every model with a champion."""
        self.wanted = wanted
        self.registry_problem: str | None = NOT_ASKED
        self._expected: tuple[str, ...] = wanted
        self._slots: dict[str, Slot] = {}
        self._was_ready = False

    def names(self) -> tuple[str, ...]:
        """The models that are served."""
        return tuple(sorted(name for name, slot in self._slots.items() if slot.current is not None))

    def slot(self, name: str) -> Slot:
        """A model's place, empty for one that is not here."""
        return self._slots.get(name, Slot())

    def serving(self, name: str) -> tuple[ServedVersion, Slot]:
        """What serves now, and its place.

        Raises:
            ModelUnknown: nobody expects such a model.
            ModelNotReady: the model is expected, and cannot serve yet.
        """
        slot = self.slot(name)
        if slot.current is not None:
            return slot.current, slot
        if name in self._expected:
            raise ModelNotReady(self._reason(name))
        if self.registry_problem is not None and not self._expected:
            raise ModelNotReady(f"no model is here yet: {self.registry_problem}")
        raise ModelUnknown(self.names())

    def expect(self, names: tuple[str, ...]) -> None:
        """Say which models have a champion; configured names are expected always."""
        self._expected = self.wanted or names

    def swap(self, version: ServedVersion) -> None:
        """Let a version serve from the next request on."""
        slot = self.slot(version.reference.name)
        self._slots[version.reference.name] = Slot(current=version, previous=slot.current)

    def swap_back(self, name: str) -> None:
        """Let the version before serve again; what was refused stays known."""
        slot = self._slots[name]
        self._slots[name] = replace(slot, current=slot.previous, previous=slot.current)

    def refuse(self, name: str, refusal: Refusal) -> None:
        """Leave what serves, and note why another version may not."""
        self._slots[name] = replace(self.slot(name), refused=refusal)

    def retire(self, name: str) -> None:
        """Stop serving a model."""
        self._slots.pop(name, None)

    def known(self) -> tuple[str, ...]:
        """The models with a place, served or refused."""
        return tuple(sorted(self._slots))

    def previous(self, reference: Reference) -> bool:
        """Whether the version is the one in memory that served before."""
        slot = self.slot(reference.name)
        return slot.previous is not None and slot.previous.reference == reference

    def not_ready(self) -> tuple[str, ...]:
        """Why this process should get no requests yet; nothing when it should.

        Configured models must all be served. Without configuration every model with a champion must be, once; a model
        that turns up later takes nothing from those that are served, so it no longer counts against readiness.
        """
        served = self.names()
        missing = [name for name in self._expected if name not in served]
        if not self.wanted and served and self._was_ready:
            return ()
        if missing:
            return tuple(f"{name}: {self._reason(name)}" for name in missing)
        if not served:
            return (self.registry_problem or "no model has a champion",)
        self._was_ready = True
        return ()

    def _reason(self, name: str) -> str:
        refused = self.slot(name).refused
        if refused is not None:
            return f"version {refused.version} was refused: {refused.reason}"
        if self.registry_problem is not None:
            return self.registry_problem
        return "it has no champion that is loaded yet"
