"""How a worker stays alive to others, and keeps what it has written down."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from fusewire.broker import BrokerError
from fusewire.hub import presence
from fusewire.hub.presence import Timing
from fusewire.hub.stays import KEPT_SECONDS

from server.tests.hub.support import LONGER_THAN_THE_LEASE, USERS, World, fill, nothing, renew

pytestmark = pytest.mark.timeout(20)


async def test_a_lease_that_could_not_be_written_down_whole_was_lost(world: World) -> None:
    here = world.worker()
    await fill(here)
    world.store.now += LONGER_THAN_THE_LEASE

    def fail(operation: str, key: str) -> None:
        if (operation, key) == ("set_fields", "workers"):
            raise BrokerError("away")

    world.store.meet = fail
    with pytest.raises(BrokerError):
        await here._keep_lease()
    world.store.meet = nothing
    await here._keep_lease()
    assert len(here._unsettled) == len(USERS)
    # The attempt may have been seen, and be buried at this very moment.
    assert list((await world.store.fields("workers")).values()) == [b"3"]


async def test_who_left_is_told_though_the_rest_could_not_be_written_down(world: World) -> None:
    here = world.worker()
    await here.enter("s", "room 0", "ann", b"")

    def fail(operation: str, key: str) -> None:
        if operation == "delete_fields":
            raise BrokerError("away")

    world.store.meet = fail
    with pytest.raises(BrokerError):
        await here.exit("s", "room 0")
    world.store.meet = nothing
    await here._keep_true()
    assert world.told == [("Joined", "ann"), ("Left", "ann")]


async def test_who_was_held_up_does_not_bury_itself(world: World) -> None:
    """It buries before it has looked whether its own lease runs."""
    here = world.worker()
    await fill(here)
    world.store.now += LONGER_THAN_THE_LEASE
    await here._bury()
    assert world.counted("Left").total() == 0


async def test_who_was_cut_off_waits_for_the_others_to_be_back(world: World) -> None:
    here, there = world.worker(), world.worker()
    await fill(here)
    await there.enter("s", "room 0", "ann", b"")
    world.store.now += LONGER_THAN_THE_LEASE
    for worker in (there, here):
        await renew(worker)
        await worker._bury()
    assert world.counted("Left").total() == 0
    assert await world.present(here) == sorted(["ann", *USERS])
    for _ in range(2):
        world.store.now += there.timing.lease / 2
        await renew(there)
    await there._bury()
    assert world.counted("Left") == Counter(USERS)


@pytest.mark.parametrize("stuck", ["burying", "writing down"])
async def test_the_lease_is_renewed_while_something_else_takes_long(world: World, stuck: str) -> None:
    dead = world.worker()
    await fill(dead)
    world.store.now += LONGER_THAN_THE_LEASE
    here = world.worker(Timing(tick=0.001))
    entered = asyncio.Event()
    released = asyncio.Event()
    renewals = 0

    def meet(operation: str, key: str) -> Any:
        nonlocal renewals
        if operation == "replace" and entered.is_set():
            renewals += 1
            if renewals == 5:
                released.set()
        is_stuck = (
            operation == "get_fields"
            if stuck == "burying"
            else operation == "set_fields" and key.startswith("held:")
        )
        if is_stuck:
            entered.set()
            return released.wait()
        return None

    world.store.meet = meet
    async with here.running(), asyncio.timeout(10):
        here.back("s", "room 0", "ann", b"")
        await released.wait()


async def test_what_nobody_changes_is_kept(world: World) -> None:
    """For longer than the store keeps what nobody touches: the list, and what is needed to bury its worker."""
    here, there = world.worker(), world.worker()
    await fill(here)
    while world.store.now < 3 * KEPT_SECONDS:
        world.store.now += here.timing.lease / 2
        await renew(here)
    assert await world.present(there) == sorted(USERS)
    assert len(world.told) == len(USERS)
    world.store.now += LONGER_THAN_THE_LEASE
    await there._bury()
    assert world.counted("Left") == Counter(USERS)


async def test_a_question_that_is_not_answered_does_not_cost_the_lease(world: World) -> None:
    here = world.worker(Timing(lease=0.3, tick=0.001))
    asked_again = asyncio.Event()

    def meet(operation: str, key: str) -> Any:
        if operation != "replace":
            return None
        world.store.meet = answer
        return asyncio.Event().wait()

    def answer(operation: str, key: str) -> None:
        if operation == "replace":
            asked_again.set()

    world.store.meet = meet
    async with here.running(), asyncio.timeout(10):
        here.back("s", "room 0", "ann", b"")
        await asked_again.wait()


@pytest.mark.parametrize(("broken", "tried", "left"), [(1, 40, 1), (1_000, 8, 40)])
async def test_one_that_fails_keeps_the_others_waiting_only_when_all_do(
    world: World, monkeypatch: pytest.MonkeyPatch, broken: int, tried: int, left: int
) -> None:
    monkeypatch.setattr(presence, "AT_A_TIME", 8)
    here = world.worker()
    await fill(here)
    world.store.now += LONGER_THAN_THE_LEASE
    await here._keep_lease()
    attempts = 0

    def fail(operation: str, key: str) -> None:
        nonlocal attempts
        if operation == "set_fields":
            attempts += 1
            if attempts <= broken:
                raise BrokerError("away")

    world.store.meet = fail
    with pytest.raises(BrokerError):
        await here._keep_true()
    assert (attempts, len(here._unsettled)) == (tried, left)
