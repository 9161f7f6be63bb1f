"""The followers of all models, each in a thread of its own."""

import logging
import threading
import time

from mlyard_shared.manifest import ONNX_FILE

from mlyard_model_api.serving.follower import Follower, Place
from mlyard_model_api.serving.marks import clear_marks
from mlyard_model_api.serving.version import Reference

HEAD_START_SECONDS = 2.0
"""How long what loads quickly has the processor for itself: importing scikit-learn or MLflow takes seconds of it."""

log = logging.getLogger(__name__)


class Followers:
    """One follower for each model."""

    def __init__(self, place: Place) -> None:
        """None yet."""
        self.place = place
        self._followers: dict[str, Follower] = {}
        self._runs = False
        self._is_read = False

    def start(self) -> None:
        """Let each follower run in a thread from now on. Daemons never hold up the end of the process."""
        self._runs = True

    def stop(self) -> None:
        """Let the threads end, and take back the marks of what is being loaded."""
        self.place.loader.marks.stop()
        for follower in self.all():
            follower.stop()

    def all(self) -> tuple[Follower, ...]:
        """Every follower."""
        return tuple(self._followers.values())

    def names(self) -> tuple[str, ...]:
        """The models that are followed."""
        return tuple(self._followers)

    def of(self, name: str) -> Follower:
        """A model's follower, which is made where there is none."""
        if name not in self._followers:
            self._followers[name] = follower = Follower(name, self.place)
            self.place.models.expect((name,))
            if self._runs:
                threading.Thread(target=follower.run, name=f"follow {name}", daemon=True).start()
        return self._followers[name]

    def forget(self, name: str) -> None:
        """Stop serving a model, and remove its files."""
        if name in self._followers:
            follower = self._followers.pop(name)
            follower.retire()
            follower.stop()
        self.place.cache.drop(name)
        clear_marks(self.place.cache.folder, name)

    def resume(self) -> None:
        """Let what served last serve again, without any registry; what cannot be read now is read the next time."""
        if self._is_read:
            return
        try:
            references, self._is_read = self._served_last()
        except OSError as error:
            log.warning("what served last cannot be read yet: %s", error)
            return
        models = self.place.models
        models.found_at_start(tuple(references))
        for name in references:
            self.place.loader.turns.expect(name)
        quick = [name for name, reference in references.items() if self._is_quick(reference)]
        for names in (quick, [name for name in references if name not in quick]):
            for name in names:
                self.of(name).see(references[name])
            deadline = time.monotonic() + HEAD_START_SECONDS
            while (
                self._runs and not all(models.slot(name).is_decided for name in names) and time.monotonic() < deadline
            ):
                time.sleep(0.01)

    def _served_last(self) -> tuple[dict[str, Reference], bool]:
        """What served last, by model, but for the retired; and whether all of it could be read."""
        found, is_complete = {}, True
        for name in self.place.cache.models():
            if name in self._followers or (self.place.models.wanted and name not in self.place.models.wanted):
                continue
            try:
                pointer = self.place.cache.pointer(name)
                is_retired = self.place.histories.read(name).retired_at is not None
            except OSError as error:
                log.warning("%s: what served last cannot be read yet: %s", name, error)
                is_complete = False
                continue
            if pointer is not None and not is_retired:
                found[name] = pointer.current
        return found, is_complete

    def _is_quick(self, reference: Reference) -> bool:
        """Whether a version has a twin, which loads in a fraction of a second, and has never ended a process."""
        try:
            has_twin = (self.place.cache.path(reference) / ONNX_FILE).is_file()
            return has_twin and self.place.loader.marks.deaths(reference) == 0
        except OSError:
            return False
