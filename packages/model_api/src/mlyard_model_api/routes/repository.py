"""Triton's model repository extension over a registry that is followed: what is there, and loading by request.

A model is here by its champion in the registry. To load one is to try a version again that was refused; unloading is
refused, since the registry alone says what serves. Source: Triton's `extension_model_repository.md`.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlyard_model_api.errors import ControlRefused, DeadlinePassed, ModelNotReady, Unanswered
from mlyard_model_api.serving import orders
from mlyard_model_api.serving.models import Models

EVERY = "*"
LOOK_SECONDS = 0.05


class Repository:
    """The models, and which of them clients may load."""

    def __init__(self, models: Models, folder: Path, *, loadable: tuple[str, ...], seconds: float) -> None:
        """Let clients load models with these names, or `*`; one is waited for so many seconds."""
        self._models = models
        self._folder = folder
        self._loadable = loadable
        self._seconds = seconds

    def index(self, *, ready: bool) -> list[dict[str, str]]:
        """What is in memory, and unless `ready` also what is wanted and is not, with the reason."""
        entries: list[dict[str, str]] = []
        refusals = self._models.refusals()
        for name in sorted({*self._models.names(), *refusals, *self._models.wanted}):
            with suppress(Unanswered):
                loaded = [str(version.reference.version) for version in self._models.loaded(name)]
                entries += [{"name": name, "version": version, "state": "READY"} for version in loaded]
            refused = refusals.get(name)
            if refused is not None and not ready:
                facts = {"name": name, "version": str(refused.version), "reason": refused.reason}
                entries.append({**facts, "state": "UNAVAILABLE"})
        return entries

    async def load(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Try again what was refused of a model, and return when it serves.

        Raises:
            Unanswered: it may not be loaded, or does not come to serve.
        """
        if EVERY not in self._loadable and name not in self._loadable:
            raise ControlRefused("clients may not load it: MLYARD_MODEL_API_LOADABLE_MODELS says which models they may")
        if parameters:
            raise ControlRefused("a model is loaded as the registry has it: send no parameters")
        before = self._models.slot(name)
        with suppress(ModelNotReady):
            self._models.serving(name)
            if before.refused is None:
                return
        with suppress(orders.NothingKnown):
            await asyncio.to_thread(orders.retry, self._folder, name)
        try:
            async with asyncio.timeout(self._seconds):
                slot = before
                # A follower's thread changes it, which knows no event of this loop.
                while slot is before or not slot.is_decided:
                    await asyncio.sleep(LOOK_SECONDS)
                    slot = self._models.slot(name)
        except TimeoutError:
            raise DeadlinePassed(self._seconds) from None
        if slot.refused is not None:
            raise ModelNotReady(f"version {slot.refused.version} was refused: {slot.refused.reason}")

    def unload(self, _name: str) -> None:
        """Refuse it."""
        raise ControlRefused(
            "the registry says what serves: take the alias champion away there, and the model ends here"
        )
