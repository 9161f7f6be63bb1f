"""What is known of a model beside its files: the registry that knew it, what has served here, when it was retired.

`<cache>/<model>/history.json`; it outlives restarts, and the files of old versions.
"""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlyard_shared.contract import Contract
from pydantic import ConfigDict, ValidationError

from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.serving.version import Reference

if TYPE_CHECKING:  # the module imports MLflow, which takes seconds
    from mlyard_shared.registry import Standing

HISTORY_FILE = "history.json"
MOST_SERVED = 1000


class History(Contract):
    """One model's history.

    `model` and `promotions` are when the model and the experiment of its promotions were made in the registry that
    named its champion. `served` has the digests of what has served here, in the order of
    their first time.
    """

    model_config = ConfigDict(extra="ignore")  # another release may know more

    model: datetime | None = None
    promotions: datetime | None = None
    served: tuple[str, ...] = ()
    retired_at: datetime | None = None

    def is_deliberate(self, now: "Standing") -> bool:
        """Whether a model without a champion lost it on purpose, and not with its registry.

        Either the same model is still there, or it is gone while the experiment of its promotions is still the same.
        """
        if now.model is not None:
            return now.model == self.model
        return now.promotions is not None and now.promotions == self.promotions


class Histories:
    """The histories in one cache folder."""

    def __init__(self, cache: Cache) -> None:
        """Name the folder; nothing is read yet."""
        self._cache = cache
        self._lock = threading.Lock()

    def read(self, name: str) -> History:
        """A model's history; an empty one where there is none.

        Raises:
            OSError: it cannot be read.
        """
        try:
            return History.model_validate_json(self._file(name).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return History()

    def note_registry(self, name: str, standing: "Standing") -> None:
        """Note which registry names a champion of the model."""
        self._change(name, model=standing.model, promotions=standing.promotions)

    def note_served(self, reference: Reference) -> None:
        """Note that a version serves, and that its model is retired no more."""
        served = self.read(reference.name).served
        if reference.digest not in served:
            served = (*served, reference.digest)[-MOST_SERVED:]
        self._change(reference.name, served=served, retired_at=None)

    def note_retired(self, name: str) -> None:
        """Note that the model is not served any more, from now on."""
        self._change(name, retired_at=datetime.now(UTC))

    def _change(self, name: str, **facts: Any) -> None:
        with self._lock:
            before = self.read(name)
            after = before.model_copy(update=facts)
            if after != before:
                self._file(name).parent.mkdir(mode=0o700, exist_ok=True)
                self._cache.write(self._file(name), after)

    def _file(self, name: str) -> Path:
        return self._cache.folder / name / HISTORY_FILE
