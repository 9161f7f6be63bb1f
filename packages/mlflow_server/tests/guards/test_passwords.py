import asyncio
import threading
import time
from collections.abc import Callable

import pytest
from mlyard_mlflow_server.auth import CACHE_SECONDS, AccountsUnavailable
from mlyard_mlflow_server.guards import passwords as module
from mlyard_mlflow_server.guards.credentials import Credentials
from mlyard_mlflow_server.guards.passwords import Passwords

ADMIN = Credentials("admin", "right")
JOE = Credentials("joe", "right")


class Accounts:
    """Checks passwords as slowly as it is told, and keeps the order."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self.right = {"admin": "right", "joe": "right"}
        self.checked: list[tuple[str, str]] = []

    def __call__(self, name: str, password: str) -> bool:
        time.sleep(self.seconds)
        self.checked.append((name, password))
        return self.right.get(name) == password


def wrong(count: int, *, name: str = "admin") -> list[Credentials]:
    return [Credentials(name, f"wrong-{number}") for number in range(count)]


def test_right_and_wrong_ones_are_told_apart() -> None:
    passwords = Passwords(Accounts())
    asked = [ADMIN, Credentials("admin", "Right"), Credentials("nobody", "right"), JOE]
    assert [asyncio.run(passwords.are_right(one)) for one in asked] == [True, False, False, True]


def test_a_right_one_is_not_checked_again_for_a_minute() -> None:
    now = [0.0]
    accounts = Accounts()
    passwords = Passwords(accounts, clock=lambda: now[0])

    async def run() -> None:
        for moment, checks in ((0, 1), (CACHE_SECONDS - 1, 1), (CACHE_SECONDS + 1, 2)):
            now[0] = moment
            assert await passwords.are_right(ADMIN)
            assert len(accounts.checked) == checks
        accounts.right["admin"] = "changed"
        now[0] = 10 * CACHE_SECONDS
        assert not await passwords.are_right(ADMIN)
        assert await passwords.are_right(Credentials("admin", "changed"))

    asyncio.run(run())


def test_many_requests_with_one_right_password_are_one_check() -> None:
    accounts = Accounts(0.05)
    passwords = Passwords(accounts)

    async def run() -> list[bool]:
        return await asyncio.gather(*(passwords.are_right(JOE) for _ in range(100)))

    assert all(asyncio.run(run()))
    assert len(accounts.checked) == 1


def seconds_of(passwords: Passwords, credentials: Credentials, *, flood: list[Credentials]) -> float:
    """The seconds that right credentials take while others' are being checked."""

    async def run() -> float:
        attack = [asyncio.create_task(passwords.are_right(one)) for one in flood]
        await asyncio.sleep(0.1)
        started = time.monotonic()
        assert await passwords.are_right(credentials)
        taken = time.monotonic() - started
        for attempt in attack:
            attempt.cancel()
        await asyncio.gather(*attack, return_exceptions=True)
        return taken

    return asyncio.run(run())


def expected(passwords: Passwords) -> None:
    passwords.expect(ADMIN)


def seen(passwords: Passwords) -> None:
    assert asyncio.run(passwords.are_right(ADMIN))
    passwords._clock = lambda: time.monotonic() + 2 * CACHE_SECONDS


@pytest.mark.parametrize("known", [expected, seen])
def test_a_known_right_one_does_not_wait_behind_wrong_ones_of_its_account(known: Callable[[Passwords], None]) -> None:
    passwords = Passwords(Accounts(0.05))
    passwords._checking_known = asyncio.Semaphore(4)
    known(passwords)
    assert seconds_of(passwords, ADMIN, flood=wrong(400)) < 1


def test_a_right_one_that_nobody_has_seen_is_the_next_of_its_account() -> None:
    assert seconds_of(Passwords(Accounts(0.05)), ADMIN, flood=wrong(400)) < 1


def test_a_right_one_does_not_wait_behind_another_accounts_wrong_ones() -> None:
    assert seconds_of(Passwords(Accounts(0.05)), JOE, flood=wrong(400)) < 1


def test_a_frozen_database_is_an_answer_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    thaw = threading.Event()
    held_up: list[str] = []

    def check(name: str, password: str) -> bool:
        held_up.append(name)
        thaw.wait()
        return True

    async def run() -> None:
        passwords = Passwords(check)
        asked = [asyncio.create_task(passwords.are_right(one)) for one in wrong(50)]
        for result in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(result, AccountsUnavailable)
        assert len(held_up) == 1
        thaw.set()
        for _ in range(500):
            if passwords._pending:
                await asyncio.sleep(0.01)
        assert await passwords.are_right(JOE)
        assert not passwords._lanes

    asyncio.run(run())


def test_no_more_wait_than_a_limit_and_known_ones_still_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PENDING", 20)
    passwords = Passwords(Accounts(0.02))
    passwords.expect(ADMIN)

    async def run() -> None:
        flood = [asyncio.create_task(passwords.are_right(one)) for one in wrong(20)]
        await asyncio.sleep(0.01)
        with pytest.raises(AccountsUnavailable, match="too many"):
            await passwords.are_right(JOE)
        assert await passwords.are_right(ADMIN)
        await asyncio.gather(*flood)

    asyncio.run(run())


def test_an_error_of_the_check_is_the_callers() -> None:
    def check(name: str, password: str) -> bool:
        raise AccountsUnavailable("the database is away")

    with pytest.raises(AccountsUnavailable, match="away"):
        asyncio.run(Passwords(check).are_right(ADMIN))
