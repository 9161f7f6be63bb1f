"""What a person asks of a running API through its cache folder: to forget a model, or to try it again.

`<cache>/.orders/<model>.<kind>` is an order; the API finds it at its next poll. It stays for the other processes that
share the folder, and is no order for those that start later.
"""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from mlyard_shared.errors import MlyardError

from mlyard_model_api.errors import CacheUnusable
from mlyard_model_api.serving.cache import Cache
from mlyard_model_api.serving.marks import clear_marks, marked_models

ORDERS_FOLDER = ".orders"
KEPT_SECONDS = 24 * 3600.0

Kind = Literal["forget", "retry"]
KINDS: tuple[Kind, ...] = ("forget", "retry")


class NothingKnown(MlyardError):
    """The cache has nothing of a model."""


class Order(NamedTuple):
    """An order for one model."""

    model: str
    kind: Kind


class Orders:
    """The orders in one cache folder."""

    def __init__(self, cache: Path) -> None:
        """Name the folder; nothing is read yet."""
        self._folder = cache / ORDERS_FOLDER
        self._known: set[tuple[str, str]] = set()

    def give(self, order: Order) -> None:
        """Leave an order to the processes that run."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._folder / f".{secrets.token_hex(6)}"
        new.write_text(secrets.token_hex(6))
        new.replace(self._folder / f"{order.model}.{order.kind}")

    def skip(self) -> None:
        """Take the orders that are there as carried out, and clear the old ones."""
        for file, _ in self._new():
            if time.time() - file.stat().st_mtime > KEPT_SECONDS:
                file.unlink(missing_ok=True)

    def take(self) -> tuple[Order, ...]:
        """The orders that have come since the last time."""
        return tuple(order for _, order in self._new())

    def _new(self) -> Iterator[tuple[Path, Order]]:
        if not self._folder.is_dir():
            return
        for file in sorted(self._folder.iterdir()):
            order = next((Order(file.stem, kind) for kind in KINDS if file.suffix == f".{kind}"), None)
            if order is None:
                continue
            found = (file.name, file.read_text())
            if found not in self._known:
                self._known.add(found)
                yield file, order


def forget(folder: Path, model: str) -> str:
    """Remove a model's files, and let running APIs drop it; return a sentence.

    Raises:
        NothingKnown: the folder has nothing of such a model.
        CacheUnusable: it cannot be written.
    """
    cache = Cache(folder)
    try:
        _check_known(cache, model)
        Orders(folder).give(Order(model, "forget"))
        cache.drop(model)
        clear_marks(folder, model)
    except OSError as error:
        raise CacheUnusable(folder, error) from None
    return f"{model} is forgotten: {folder} holds nothing of it, and a running API drops it at its next poll"


def retry(folder: Path, model: str) -> str:
    """Forget the deaths of a model's versions, and let running APIs try again; return a sentence.

    Raises:
        NothingKnown: the folder has nothing of such a model.
        CacheUnusable: it cannot be written.
    """
    try:
        _check_known(Cache(folder), model)
        clear_marks(folder, model)
        Orders(folder).give(Order(model, "retry"))
    except OSError as error:
        raise CacheUnusable(folder, error) from None
    return f"{model} is tried again: by a running API at its next poll, else at the next start"


def _check_known(cache: Cache, model: str) -> None:
    known = sorted({*cache.models(), *marked_models(cache.folder)}) if cache.folder.is_dir() else []
    if model not in known:
        raise NothingKnown(
            f"the cache folder {cache.folder} has nothing of {model!r}, but of: {', '.join(known) or 'no model'}; "
            "MLYARD_MODEL_API_CACHE says which folder it is"
        )
