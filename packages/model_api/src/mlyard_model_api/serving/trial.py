"""A trial of a version in a process of its own: that it loads and answers, how fast, and in how much memory.

`python -m mlyard_model_api.serving.trial` is that process.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from mlyard_shared.engines import Engine, choose
from mlyard_shared.errors import ModelVersionRefused
from mlyard_shared.manifest import MANIFEST_FILE, Manifest, parse_manifest

from mlyard_model_api.serving import children, memory
from mlyard_model_api.serving.version import answer_example

LEAST_TRIES, MOST_TRIES = 3, 20
TRIES_SECONDS = 0.2
"""More tries are made in this time than the least."""


class Trial(NamedTuple):
    """What a trial showed."""

    milliseconds: float
    """For one row: the best of several tries after the first."""
    bytes: int
    """The most memory that it took, of which this process needs about as much; 0 where that cannot be told."""


class TrialDied(ModelVersionRefused):
    """The process of the trial was ended from outside, or ran out of memory."""


def run(folder: Path, *, seconds: float, is_wanted: Callable[[], bool] = lambda: True) -> Trial:
    """Try a version whose files have been verified, for as long as it is wanted.

    Raises:
        TrialDied: it takes more memory than there is, or ends the process.
        ModelVersionRefused: nothing here can run it, it fails on its own example, or its time was over.
    """

    def watch() -> None:
        if not is_wanted():
            raise ModelVersionRefused("the API ends")

    try:
        found = children.run(__name__, {"folder": str(folder)}, seconds=seconds, watch=watch)
    except children.TooLong:
        raise ModelVersionRefused(f"its trial was not over after {seconds:g} s and was stopped") from None
    except children.ChildEnded as error:
        bound = memory.shown(memory.limit())
        if error.number:
            raise TrialDied(f"its trial died: {error}; memory is limited to {bound}") from None
        raise ModelVersionRefused(f"its trial failed: {error}") from None
    if "refused" in found:
        kind = TrialDied if found["lacked_memory"] else ModelVersionRefused
        raise kind(found["refused"])
    return Trial(found["milliseconds"], found["bytes"])


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Be the trial."""
    folder = Path(task["folder"])
    before = memory.peak()
    try:
        manifest = parse_manifest((folder / MANIFEST_FILE).read_bytes())
        engine = choose(folder, manifest)
        answer_example(engine, manifest)
        milliseconds = _latency(engine, manifest)
    except MemoryError:
        return _refused(f"it needs more memory than the {memory.shown(memory.limit())} that there are", lacked=True)
    except ModelVersionRefused as error:
        return _refused(str(error), lacked=_lacked_memory(error))
    return {"milliseconds": milliseconds, "bytes": max(0, memory.peak() - before)}


def _latency(engine: Engine, manifest: Manifest) -> float:
    """The best of several tries on one row, in milliseconds. What else the machine does only makes a try slower."""
    tries: list[float] = []
    while len(tries) < LEAST_TRIES or (len(tries) < MOST_TRIES and sum(tries) < TRIES_SECONDS):
        started = time.perf_counter()
        answer_example(engine, manifest)
        tries.append(time.perf_counter() - started)
    return min(tries) * 1000


def _lacked_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _refused(reason: str, *, lacked: bool) -> dict[str, Any]:
    return {"refused": reason[:1000], "lacked_memory": lacked}


if __name__ == "__main__":
    children.work_for_parent(work)
