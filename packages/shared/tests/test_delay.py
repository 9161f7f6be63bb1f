import asyncio
import time

from mlyard_shared import delay as delays
from mlyard_shared.delay import Delay


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_each_failure_of_an_account_waits_longer_up_to_a_limit() -> None:
    delay = Delay(clock=Clock())
    assert [delay.failed("admin") for _ in range(7)] == [1, 2, 4, 8, 10, 10, 10]


def test_thirty_tries_take_minutes() -> None:
    delay = Delay(clock=Clock())
    assert sum(delay.failed("admin") for _ in range(30)) > 240


def test_one_accounts_failures_are_not_anothers() -> None:
    delay = Delay(clock=Clock())
    for _ in range(10):
        delay.failed("admin")
    assert delay.failed("pipeline") == 1


def test_failures_are_forgotten_one_a_minute() -> None:
    clock = Clock()
    delay = Delay(clock=clock)
    for _ in range(4):
        delay.failed("admin")
    clock.now += 2 * delays.FORGET_SECONDS
    assert delay.failed("admin") == 4
    clock.now += 60 * delays.FORGET_SECONDS
    assert delay.failed("admin") == 1


def test_any_number_of_names_takes_a_bounded_memory() -> None:
    delay = Delay()
    for name in range(20_000):
        delay.failed(f"name-{name}")
    assert len(delay._failures) <= delays.ACCOUNTS


def test_it_waits_as_long_as_it_says() -> None:
    started = time.monotonic()
    asyncio.run(Delay().wait(0.2))
    assert time.monotonic() - started >= 0.2


def test_of_too_many_that_wait_the_oldest_is_let_go() -> None:
    async def run() -> list[bool]:
        delay = Delay()
        waiting = [asyncio.create_task(delay.wait(60)) for _ in range(delays.MOST_WAITING + 3)]
        await asyncio.wait(waiting[:3])
        let_go = [task.done() for task in waiting]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert not delay._waiting
        return let_go

    let_go = asyncio.run(run())
    assert let_go[:3] == [True, True, True]
    assert not any(let_go[3:])
