import asyncio
import threading
from collections.abc import Callable

import pytest
from mlyard_model_api.errors import Overloaded
from mlyard_model_api.serving import lanes
from mlyard_model_api.serving.lanes import Lane

from ..conftest import until

pytestmark = pytest.mark.anyio


class Blocked:
    """Work that lasts until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.calls: list[int] = []

    def __call__(self, number: int) -> int:
        self.calls.append(number)
        assert self.go.wait(10)
        return number


@pytest.fixture
def blocked() -> Blocked:
    return Blocked()


async def test_what_is_asked_is_answered_in_a_thread_of_the_lane() -> None:
    lane = Lane("penguins 1", rows=10)
    assert await lane.run(lambda _: threading.current_thread().name, None, rows=1) == "lane penguins 1"
    with pytest.raises(ZeroDivisionError):
        await lane.run(lambda number: 1 / number, 0, rows=1)
    lane.close()


async def test_a_slow_lane_delays_no_other(blocked: Blocked) -> None:
    slow, fast = Lane("slow", rows=10), Lane("fast", rows=10)
    waiting = asyncio.create_task(slow.run(blocked, 1, rows=1))
    await happened(lambda: bool(blocked.calls))
    assert await fast.run(abs, -2, rows=1) == 2
    blocked.go.set()
    assert await waiting == 1


async def test_a_queue_is_bounded_in_rows_and_takes_a_large_request_when_it_is_empty(blocked: Blocked) -> None:
    lane = Lane("slow", rows=10)
    running = asyncio.create_task(lane.run(blocked, 1, rows=25))
    await happened(lambda: bool(blocked.calls))
    for rows in (1, 25):
        with pytest.raises(Overloaded, match="25 rows wait for slow already; try again in a moment"):
            await lane.run(blocked, 2, rows=rows)
    with pytest.raises(Overloaded):
        lane.check()
    blocked.go.set()
    await running
    lane.check()
    assert await lane.run(blocked, 3, rows=25) == 3


async def test_a_queue_is_bounded_in_bytes(blocked: Blocked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "MAX_BYTES", 100)
    lane = Lane("slow", rows=10)
    running = asyncio.create_task(lane.run(blocked, 1, rows=1, size=90))
    await happened(lambda: bool(blocked.calls))
    with pytest.raises(Overloaded):
        await lane.run(blocked, 2, rows=1, size=11)
    blocked.go.set()
    await running


async def test_work_that_nobody_waits_for_is_dropped_and_its_rows_are_free(blocked: Blocked) -> None:
    lane = Lane("slow", rows=10)
    running = asyncio.create_task(lane.run(blocked, 1, rows=1))
    await happened(lambda: bool(blocked.calls))
    waiting = asyncio.create_task(lane.run(blocked, 2, rows=9))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    last = asyncio.create_task(lane.run(blocked, 3, rows=9))
    blocked.go.set()
    assert (await running, await last) == (1, 3)
    assert blocked.calls == [1, 3]


async def test_running_work_that_nobody_waits_for_ends_by_itself(blocked: Blocked) -> None:
    lane = Lane("slow", rows=1)
    running = asyncio.create_task(lane.run(blocked, 1, rows=1))
    await happened(lambda: bool(blocked.calls))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(Overloaded):
        lane.check()
    blocked.go.set()
    await happened(lambda: not lane._rows)
    assert await lane.run(abs, -1, rows=1) == 1


async def test_a_closed_lane_finishes_what_waits_and_what_comes_late(blocked: Blocked) -> None:
    lane = Lane("old", rows=10)
    work = [asyncio.create_task(lane.run(blocked, number, rows=1)) for number in (1, 2)]
    await happened(lambda: bool(blocked.calls))
    lane.close()
    blocked.go.set()
    assert [await one for one in work] == [1, 2]
    await happened(lambda: not threads("old"))
    assert await lane.run(abs, -3, rows=1) == 3
    await happened(lambda: not threads("old"))


async def test_a_lane_that_nobody_asks_has_no_thread() -> None:
    lane = Lane("unasked", rows=10)
    assert not threads("unasked")
    lane.close()


async def happened(condition: Callable[[], bool]) -> None:
    async def asked() -> bool:
        return condition()

    await until(asked)


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == f"lane {name}"]
