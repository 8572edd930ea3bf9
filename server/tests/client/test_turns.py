"""Who may call, and who waits."""

import asyncio

from fusewire.client.turns import Turns


async def test_first_come_first_served() -> None:
    turns, order = Turns(1), []

    async def take(name: str) -> None:
        await turns.take()
        order.append(name)

    await take("a")
    async with asyncio.TaskGroup() as tasks:
        for name in "bcd":
            tasks.create_task(take(name))
        await asyncio.sleep(0)
        assert order == ["a"]
        for _ in range(3):
            turns.give()
    assert order == ["a", "b", "c", "d"]


async def test_a_place_of_one_who_left_goes_to_the_next() -> None:
    turns = Turns(1)
    await turns.take()
    async with asyncio.TaskGroup() as tasks:
        gone, late, last = (tasks.create_task(turns.take()) for _ in range(3))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        # Given and cancelled in one tick.
        turns.give()
        late.cancel()
        await last


async def test_nobody_waits_for_what_is_dissolved() -> None:
    turns = Turns(0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(turns.take())
        await asyncio.sleep(0)
        turns.dissolve()
    await turns.take()
