"""A worker that died, or that others took for dead: what becomes of its members, and what is told of them."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
from fusewire.broker import BrokerError
from fusewire.hub import burying

from server.tests.hub.support import LONGER_THAN_THE_LEASE, ROOMS, USERS, World, fill, once, renew

pytestmark = pytest.mark.timeout(20)

SEEDS = range(20)


@pytest.mark.parametrize("at_a_time", [8, 1_000])
@pytest.mark.parametrize("seed", SEEDS)
async def test_who_is_back_while_it_is_buried_has_all_its_members(
    world: World, monkeypatch: pytest.MonkeyPatch, seed: int, at_a_time: int
) -> None:
    monkeypatch.setattr(burying, "AT_A_TIME", at_a_time)
    here, there = world.worker(), world.worker()
    await fill(here)
    world.store.now += LONGER_THAN_THE_LEASE
    world.store.chance = chance = random.Random(seed)

    async def come_back() -> None:
        for _ in range(chance.randrange(60)):
            await asyncio.sleep(0)
        await renew(here)

    await asyncio.gather(there._bury(), come_back())
    assert await world.present(there) == sorted(USERS)
    joined, left = world.counted("Joined"), world.counted("Left")
    # A word of one worker may overtake that of another.
    assert joined - left == Counter(USERS)
    assert max(joined.values()) <= 2
    # What it wrote down is found when it does die.
    world.store.now += LONGER_THAN_THE_LEASE
    await there._bury()
    assert await there.present("room 0") == []
    assert world.counted("Left") == joined


async def test_the_members_of_who_is_back_do_not_leave_any_more(world: World) -> None:
    here, there = world.worker(), world.worker()
    await fill(here)
    world.store.now += LONGER_THAN_THE_LEASE

    def come_back(operation: str, key: str) -> Any:
        return here._keep_lease() if operation == "get_fields" else None

    world.store.meet = once(come_back)
    await there._bury()
    assert 0 < world.counted("Left").total() <= burying.AT_A_TIME


async def test_what_was_written_down_anew_is_not_taken_out(world: World) -> None:
    """Between the question whether their worker is dead and taking its members out."""
    here, there = world.worker(), world.worker()
    await fill(here)
    world.store.now += LONGER_THAN_THE_LEASE

    def come_back(operation: str, key: str) -> Any:
        return renew(here) if operation == "get_fields" else None

    world.store.meet = once(come_back)
    await there._bury()
    assert world.counted("Left").total() == 0
    assert await world.present(there) == sorted(USERS)


async def test_burying_an_earlier_incarnation_touches_nothing_of_a_later_one(world: World) -> None:
    """Who buries may be as slow as it likes: the other has been back meanwhile, and has died again."""
    here, there = world.worker(), world.worker()
    await fill(here)
    (listed,) = (await world.store.fields("workers")).items()
    world.store.now += LONGER_THAN_THE_LEASE
    await renew(here)
    world.store.now += LONGER_THAN_THE_LEASE
    await there._burying.bury(listed[0], int(listed[1]))
    assert world.counted("Left").total() == 0
    await there._bury()
    assert world.counted("Left") == Counter(USERS)


@pytest.mark.parametrize("seed", SEEDS)
async def test_members_that_come_elsewhere_meanwhile_leave_when_they_go_there(
    world: World, seed: int
) -> None:
    dead, one, two = world.worker(), world.worker(), world.worker()
    await fill(dead)
    world.store.now += LONGER_THAN_THE_LEASE
    world.store.chance = random.Random(seed)
    places = [(f"other session of {user}", f"room {n % ROOMS}") for n, user in enumerate(USERS)]
    coming = [two.enter(*place, user, b"") for place, user in zip(places, USERS, strict=True)]
    await asyncio.gather(one._bury(), *coming)
    assert await world.present(one) == sorted(USERS)
    for place in places:
        await two.exit(*place)
    assert world.counted("Left") == world.counted("Joined")


@pytest.mark.parametrize("seed", SEEDS)
async def test_survivors_tell_of_each_member_once(world: World, seed: int) -> None:
    dead, one, two = world.worker(), world.worker(), world.worker()
    await fill(dead)
    world.store.now += LONGER_THAN_THE_LEASE
    world.store.chance = random.Random(seed)
    await asyncio.gather(one._bury(), two._bury())
    assert world.counted("Left") == Counter(USERS)
    assert await world.store.fields("workers") == {}


async def test_who_dies_while_it_comes_back_is_buried_whole(world: World) -> None:
    here, there = world.worker(), world.worker()
    await fill(here)
    world.store.now += LONGER_THAN_THE_LEASE
    await here._keep_lease()
    for stay in list(here._unsettled)[::2]:
        await here._settle(stay)
    world.store.now += LONGER_THAN_THE_LEASE
    await there._bury()
    assert world.counted("Left") == Counter(USERS)
    assert await world.present(there) == []


async def test_who_left_while_its_worker_was_taken_for_dead_has_left(world: World) -> None:
    here, there = world.worker(), world.worker()
    await fill(here)
    here.away(f"session of {USERS[0]}", "room 0")
    world.store.now += LONGER_THAN_THE_LEASE + here.timing.grace
    await renew(here)
    assert await world.present(there) == sorted(USERS[1:])
    assert world.counted("Left") == Counter(USERS[:1])


@pytest.mark.parametrize("broken", range(12))
async def test_what_fails_is_done_by_the_next_round_and_told_once(world: World, broken: int) -> None:
    here, there = world.worker(), world.worker()
    await fill(here)
    world.store.now += LONGER_THAN_THE_LEASE
    steps = 0

    def fail(operation: str, key: str) -> None:
        nonlocal steps
        steps += 1
        if steps == broken:
            raise BrokerError("away")

    world.store.meet = fail
    for _ in range(2):
        try:
            await there._bury()
        except BrokerError:
            continue
    assert world.counted("Left") == Counter(USERS)
    assert await world.store.fields("workers") == {}
