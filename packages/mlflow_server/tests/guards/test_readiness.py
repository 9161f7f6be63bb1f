import asyncio
import json
import threading

import pytest
from mlyard_mlflow_server.database import DatabaseError
from mlyard_mlflow_server.guards import readiness as module
from mlyard_mlflow_server.guards.readiness import Readiness, with_readiness

from .calls import Answered, Application, call


class Probe:
    """Counts how often it is asked, and blocks or fails as it is told."""

    def __init__(self) -> None:
        self.asked = 0
        self.problem = ""
        self.open = threading.Event()
        self.open.set()

    def __call__(self) -> None:
        self.asked += 1
        self.open.wait()
        if self.problem:
            raise DatabaseError(self.problem)


async def ready(readiness: Readiness, method: str = "GET") -> Answered:
    return await call(with_readiness(Application(), readiness), method, "/health/ready")


def test_a_database_that_answers_is_ready() -> None:
    answered = asyncio.run(ready(Readiness({"it": Probe()})))
    assert (answered.status, json.loads(answered.body)) == (200, {"status": "ready"})


def test_a_database_that_fails_is_said_with_the_reason() -> None:
    probe = Probe()
    probe.problem = "the database is away"
    answered = asyncio.run(ready(Readiness({"it": probe})))
    assert answered.status == 503
    assert answered.error == {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "the database is away"}


def test_everything_has_to_answer_and_what_does_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    failing, frozen = Probe(), Probe()
    failing.problem = "the folder is gone"
    frozen.open.clear()
    for second, said in ((failing, "the folder is gone"), (frozen, "the folder has not answered for 0 s")):
        answered = asyncio.run(ready(Readiness({"the database": Probe(), "the folder": second})))
        assert (answered.status, answered.error["message"]) == (503, said)
    frozen.open.set()


def test_other_paths_are_mlflows() -> None:
    app = Application()
    guarded = with_readiness(app, Readiness({"it": Probe()}))
    for method, path in (("GET", "/health"), ("GET", "/health/ready/x"), ("POST", "/health/ready")):
        asyncio.run(call(guarded, method, path))
    assert len(app.asked) == 3


def test_a_frozen_database_is_found_in_bounded_time_and_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    probe = Probe()
    probe.open.clear()
    readiness = Readiness({"it": probe})

    async def run() -> None:
        for answered in await asyncio.gather(*(ready(readiness) for _ in range(50))):
            assert answered.status == 503
            assert answered.error["message"].startswith("it has not answered for")
        # While the question still waits, the next one is answered at once.
        async with asyncio.timeout(0.1):
            assert (await ready(readiness)).status == 503
        assert probe.asked == 1
        probe.open.set()
        assert readiness._asking is not None
        await readiness._asking
        assert (await ready(readiness)).status == 200

    asyncio.run(run())


def test_any_number_of_questions_is_one_a_second_to_the_database() -> None:
    now = [0.0]
    probe = Probe()
    readiness = Readiness({"it": probe}, clock=lambda: now[0])

    async def run() -> None:
        for _ in range(3):
            for _ in range(100):
                assert (await ready(readiness)).status == 200
            now[0] += module.KEPT_SECONDS

    asyncio.run(run())
    assert probe.asked == 3
