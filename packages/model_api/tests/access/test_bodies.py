import asyncio
from collections.abc import AsyncIterator

import pytest
from mlyard_model_api.access import bodies as module
from mlyard_model_api.access.bodies import SMALL_BYTES, Bodies, Place
from mlyard_model_api.errors import BodyTooLarge, BodyTooSlow, Overloaded

pytestmark = pytest.mark.anyio
MB = 1024**2


def bodies(*, limit: int = 8 * MB, seconds: float = 5) -> Bodies:
    return Bodies(limit=limit, largest=3 * MB, seconds=seconds)


async def parts(*sizes: int, wait: float = 0) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size
        await asyncio.sleep(wait)


async def take(taken: Bodies, length: int | None, *, seconds: float = 0.05) -> Place:
    return await taken.take(length, seconds=seconds)


async def test_a_known_length_is_taken_at_once_and_given_back() -> None:
    taken = bodies()
    place = await take(taken, 2 * MB)
    assert taken.held == 2 * MB
    assert len(await place.read(parts(MB, MB))) == 2 * MB
    assert taken.held == 2 * MB
    place.free()
    place.free()
    assert taken.held == 0


async def test_a_body_of_unknown_length_takes_what_it_grows_by() -> None:
    taken = bodies()
    place = await take(taken, None)
    assert taken.held == 0
    await place.read(parts(MB, MB))
    assert taken.held == 2 * MB
    with pytest.raises(BodyTooLarge, match="larger than 3145728 bytes"):
        await (await take(taken, None)).read(parts(2 * MB, 2 * MB))


async def test_a_body_larger_than_any_is_refused_before_it_is_read() -> None:
    with pytest.raises(BodyTooLarge):
        await take(bodies(), 4 * MB)


async def test_their_sum_is_bounded_and_small_ones_have_their_share() -> None:
    taken = bodies()
    places = [await take(taken, 2 * MB) for _ in range(3)]
    with pytest.raises(Overloaded, match="try again in a moment"):
        await take(taken, 2 * MB)
    growing = await take(taken, None)
    with pytest.raises(Overloaded):
        await growing.read(parts(MB, MB, MB))
    growing.free()
    assert taken.held == 6 * MB
    small = [await take(taken, SMALL_BYTES) for _ in range(16)]
    assert taken.held == 7 * MB
    for place in [*places, *small]:
        place.free()
    assert taken.held == 0


async def test_who_finds_no_place_waits_for_a_turn() -> None:
    taken = bodies()
    first, second = await take(taken, 3 * MB), await take(taken, 3 * MB)
    large, late = (asyncio.create_task(take(taken, size, seconds=5)) for size in (3 * MB, MB))
    await asyncio.sleep(0.01)
    assert taken.held == 6 * MB
    first.free()
    # The one behind it does not overtake it, though there is room for it.
    assert (await large, await late) is not None
    assert taken.held == 7 * MB
    second.free()


async def test_who_gives_up_lets_the_next_one_have_its_turn() -> None:
    taken = bodies()
    places = [await take(taken, 3 * MB), await take(taken, 3 * MB)]
    gone = asyncio.create_task(take(taken, 2 * MB, seconds=5))
    next_one = asyncio.create_task(take(taken, MB, seconds=5))
    await asyncio.sleep(0.01)
    assert not next_one.done()
    gone.cancel()
    await next_one
    for place in places:
        place.free()


async def test_one_body_alone_always_has_a_place() -> None:
    place = await take(bodies(limit=MB), 3 * MB)
    assert len(await place.read(parts(3 * MB))) == 3 * MB


async def test_a_body_that_stops_coming_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.05)
    with pytest.raises(BodyTooSlow):
        await (await take(bodies(), None)).read(parts(10, 10, 10, wait=0.04))


async def test_a_body_that_comes_fast_enough_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.05)
    size = module.SLOWEST // 10
    assert len(await (await take(bodies(), None)).read(parts(size, size, size, wait=0.04))) == 3 * size


async def test_no_body_has_more_than_its_whole_time() -> None:
    with pytest.raises(BodyTooSlow, match="not complete after"):
        await (await take(bodies(seconds=0.1), None)).read(parts(MB, MB, MB, wait=0.05))
