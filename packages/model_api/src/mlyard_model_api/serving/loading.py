"""From a version's verified files to a version that can answer: tried first, marked, and only where there is room."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.manifest import Manifest

from mlyard_model_api.serving import memory, trial, version
from mlyard_model_api.serving.lanes import Lane
from mlyard_model_api.serving.marks import DEATHS, Marks
from mlyard_model_api.serving.models import Models
from mlyard_model_api.serving.turns import Turns
from mlyard_model_api.serving.version import Reference, ServedVersion

PATIENCE_SECONDS = 5.0
"""A trial or a load that takes longer is no longer waited for by the others."""
PATIENCE_ALONE_SECONDS = 60.0
"""The same for one that has to be alone, since it ended the process before."""

log = logging.getLogger(__name__)


class Budget(NamedTuple):
    """What a version may take that has not served here yet."""

    trial_seconds: float
    latency_ms: float


class Loader:
    """Loads versions, one at a time."""

    def __init__(
        self,
        models: Models,
        marks: Marks,
        turns: Turns,
        *,
        budget: Budget,
        lane: Callable[[str], Lane],
        counter: Callable[[str, str], Callable[[float], None]],
    ) -> None:
        """`lane` makes the lane of a version, given its model's name; `counter` is asked who counts its batches."""
        self.turns = turns
        self.marks = marks
        self._models = models
        self._budget = budget
        self._lane = lane
        self._counter = counter

    def check(self, reference: Reference) -> None:
        """Refuse a version that is known to end the process.

        Raises:
            ModelVersionRefused: it has done so too often.
        """
        if self.marks.deaths(reference) >= DEATHS:
            limit = memory.shown(self.marks.limit_bytes)
            raise ModelVersionRefused(
                f"the process that loaded it ended {DEATHS} times, as when {limit} of memory are too little: "
                f"raise that limit, or run `mlyard-model-api retry {reference.name}`"
            )

    def load(self, folder: Path, reference: Reference, manifest: Manifest, *, has_served: bool) -> ServedVersion:
        """Load a version whose files have been verified.

        Raises:
            ModelVersionRefused: nothing here can run it, it is too slow or too large, or it fails on its own example.
        """
        self.check(reference)
        needed = memory.needed(folder, manifest)
        if not has_served:
            _check_size(folder, manifest)
            needed = max(needed, self._try(folder, reference, manifest, needed=needed))
        with self._turn(reference), self.marks.loading(reference):
            self._make_room(reference, needed)
            loaded = version.load(
                folder,
                reference,
                manifest,
                lane=self._lane(reference.name),
                count=self._counter(reference.name, str(reference.version)),
            )
            memory.settle()
        self.marks.survived(reference)
        return loaded

    def _turn(self, reference: Reference) -> AbstractContextManager[None]:
        alone = self.marks.deaths(reference) > 0
        patience = PATIENCE_ALONE_SECONDS if alone else PATIENCE_SECONDS
        return self.turns.take(reference.name, alone=alone, patience=patience)

    def _try(self, folder: Path, reference: Reference, manifest: Manifest, *, needed: int) -> int:
        """Try the version in a process of its own; return how much memory that took."""
        with self._turn(reference), self.marks.loading(reference) as loading:
            self._make_room(reference, needed)
            try:
                found = trial.run(
                    folder, seconds=self._budget.trial_seconds, is_wanted=lambda: not self.marks.is_stopped
                )
            except trial.TrialDied:
                loading.leave()
                raise
        allowed, whose = self._budget.latency_ms, "MLYARD_MODEL_API_LATENCY_BUDGET_MS"
        own = manifest.budgets.latency_ms if manifest.budgets is not None else None
        if own is not None and own < allowed:
            allowed, whose = own, "its own budget"
        if found.milliseconds > allowed:
            raise ModelVersionRefused(
                f"it takes {found.milliseconds:.3g} ms for a row, and {allowed:g} ms are allowed ({whose})"
            )
        return found.bytes

    def _make_room(self, reference: Reference, needed: int) -> None:
        """Let go of versions that serve no more, this model's first, until the version fits.

        Raises:
            ModelVersionRefused: it does not fit all the same.
        """
        places = sorted(self._models.with_previous(), key=lambda place: place[0] != reference.name)
        for name, alias in places:
            if memory.free() >= needed:
                return
            self._models.release_previous(name, alias)
            memory.give_back()
            log.warning("%s: the version before is let go of, since memory is short", name)
        if (free := memory.free()) < needed:
            raise ModelVersionRefused(
                f"it needs {memory.shown(needed)} of memory, and {memory.shown(free)} of "
                f"{memory.shown(memory.limit())} are free: give this process more memory"
            )


def _check_size(folder: Path, manifest: Manifest) -> None:
    """Refuse a version whose engine takes more of the disk than its budget allows."""
    allowed = manifest.budgets.size_bytes if manifest.budgets is not None else None
    kind = "onnx" if manifest.onnx is not None and manifest.onnx.holds else "skops"
    for engine in manifest.engines:
        size = (folder / engine.file).stat().st_size
        if engine.kind == kind and allowed is not None and size > allowed:
            raise ModelVersionRefused(f"{engine.file} has {size} bytes, and its own budget allows {allowed}")
