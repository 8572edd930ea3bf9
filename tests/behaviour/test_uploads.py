"""What a caller streams in (PROTOCOL §4, upload), as far as it is about Python: dependencies, generators, ends of all kinds."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from fastapi import BackgroundTasks, Depends, HTTPException
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from tests.support.peer import Peer, call
from tests.support.worlds import BOUNDS, World, works


@pytest.fixture
def world(world: World) -> World:
    """With procedures that take uploads, and a dependency that notes when it is left."""

    async def session() -> AsyncGenerator[str]:
        try:
            yield "s"
        finally:
            world.note("dependency left")

    define_calls(world, Depends(session))
    define_streams(world, Depends(session))
    return world


def define_calls(world: World, session: Any) -> None:
    rpc = world.fuse.rpc(transports="websocket")

    @rpc
    async def total(items: AsyncIterator[int], db: str = session) -> int:
        result = 0
        async for item in items:
            world.note(f"took {item}")
            result += item
        return result

    @rpc
    async def in_a_task(items: AsyncIterator[int]) -> int:
        async def take() -> int:
            return sum([item async for item in items])

        async with asyncio.TaskGroup() as tasks:
            taking = tasks.create_task(take())
        return taking.result()

    @rpc
    async def waits_at_the_gate(items: AsyncIterator[int], db: str = session) -> int:
        world.note("waiting")
        await world.gate.wait()
        return sum([item async for item in items])

    @rpc
    async def fails(items: AsyncIterator[int], db: str = session) -> None:
        async for item in items:
            raise HTTPException(409, f"not {item}")

    @rpc
    async def total_and_more(items: AsyncIterator[int], tasks: BackgroundTasks) -> int:
        tasks.add_task(world.note, "background")
        return sum([item async for item in items])


def define_streams(world: World, session: Any) -> None:
    rpc = world.fuse.rpc(transports="websocket")

    @rpc
    async def first_two(items: AsyncIterator[int], db: str = session) -> AsyncIterator[int]:
        """A generator that has enough before its caller has."""
        async for item in items:
            yield item
            if item == 2:
                return

    @rpc
    async def double(items: AsyncIterator[bytes], db: str = session) -> AsyncIterator[bytes]:
        async for item in items:
            yield item * 2


async def test_a_generator_that_finishes_early_settles_and_the_rest_is_ignored(
    world: World, bystander: Peer
) -> None:
    peer = await world.open()
    await peer.send(call(1, "first_two"), m.Item(1, 1), m.Item(1, 2), m.Item(1, 3))
    assert [await peer.answer(1) for _ in range(3)] == [m.Item(1, 1), m.Item(1, 2), m.End(1)]
    await world.until("dependency left")
    # What crossed on the way is ignored, and the id is free.
    await peer.send(m.Item(1, 4), m.End(1), m.Credit(1, 1, 1))
    await peer.send(call(1, "total"), m.Item(1, 5), m.End(1))
    assert await peer.answer(1) == m.Result(1, 5)
    assert await works(peer)


async def test_dependencies_are_left_when_the_upload_has_ended(world: World, bystander: Peer) -> None:
    peer = await world.open()
    await peer.send(call(1, "total"), m.Item(1, 1))
    await world.until("took 1")
    assert "dependency left" not in world.noted
    await peer.send(m.Item(1, 2), m.End(1))
    assert await peer.answer(1) == m.Result(1, 3)
    await world.until("dependency left")


@pytest.mark.parametrize("count", [1, 3, 40])
async def test_both_ways_at_once_with_credit(world: World, bystander: Peer, count: int) -> None:
    """Each side sends only what it has credit for, through windows of 4 items and 1,000 bytes; all of it arrives, in order."""
    peer = await world.open()
    await peer.send(call(1, "double"))
    items, size = BOUNDS.stream_items, BOUNDS.stream_bytes
    sent = 0
    got: list[int] = []
    ended = False
    while True:
        while sent < count and items > 0 and size > 0:
            await peer.send(m.Item(1, pack(bytes(100 + sent))))
            items -= 1
            size -= len(pack(bytes(100 + sent)))
            sent += 1
        if sent == count and not ended:
            ended = True
            await peer.send(m.End(1))
        match await peer.next():
            case m.Credit(1, more, room):
                items += more
                size += room
            case m.Item(1, value):
                got.append(len(value))
                await peer.send(m.Credit(1, 1, len(pack(value))))
            case m.End(1):
                break
            case other:
                raise AssertionError(other)
    assert got == [2 * (100 + n) for n in range(count)]
    assert items <= BOUNDS.stream_items
    await world.until("dependency left")


async def test_without_credit_for_its_results_an_upload_is_held_up_too(world: World, bystander: Peer) -> None:
    peer = await world.open()
    await peer.send(call(1, "double"), *(m.Item(1, pack(b"x")) for _ in range(4)))
    for _ in range(4):
        assert isinstance(await peer.answer(1), m.Item)
    # The generator stands at its `yield`: it takes nothing of what comes now, so no more than a window is granted.
    await peer.send(*(m.Item(1, pack(b"x")) for _ in range(2)))
    assert await works(peer)
    await peer.send(m.Credit(1, 2, 100))
    for _ in range(2):
        assert isinstance(await peer.answer(1), m.Item)
    await peer.send(m.End(1), m.Credit(1, 4, 100))
    assert await peer.answer(1) == m.End(1)


async def test_cancelled_in_the_middle(world: World, bystander: Peer) -> None:
    peer = await world.open()
    for name in ("total", "double"):
        world.noted.clear()
        await peer.send(call(1, name), m.Item(1, pack(1 if name == "total" else b"x")))
        if name == "total":
            await world.until("took 1")
        else:
            assert isinstance(await peer.answer(1), m.Item)
        await peer.send(m.Cancel(1), m.Item(1, 2), m.End(1))
        answer = await peer.answer(1)
        assert isinstance(answer, m.Error)
        assert answer.code == "CANCELLED"
        await world.until("dependency left")
        assert "took 2" not in world.noted
    assert await works(peer)


@pytest.mark.parametrize("off", [0, 1])
async def test_items_beyond_the_credit(world: World, bystander: Peer, off: int) -> None:
    peer = await world.open()
    items = [m.Item(1, n) for n in range(BOUNDS.stream_items + off)]
    await peer.send(call(1, "waits_at_the_gate"))
    await world.until("waiting")
    await peer.send(*items)
    if off:
        answer = await peer.answer(1)
        assert isinstance(answer, m.Error)
        assert (answer.status, answer.code) == (413, "TOO_LARGE")
        await world.until("dependency left")
    else:
        world.gate.set()
        await peer.send(m.End(1))
        assert await peer.answer(1) == m.Result(1, sum(range(BOUNDS.stream_items)))
    assert await works(peer)


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (m.Item(1, pack("x" * BOUNDS.message_bytes)), "TOO_LARGE"),
        (m.Item(1, pack([[[[[[[[[[1]]]]]]]]]])), "TOO_LARGE"),
        (m.Item(1, m.Packed(b"\xa2\xff\xfe")), "MALFORMED"),
    ],
)
async def test_an_item_that_cannot_be_taken_ends_its_call_alone(
    world: World, bystander: Peer, item: m.Item, code: str
) -> None:
    peer = await world.open()
    await peer.send(call(1, "total"), m.Item(1, 1))
    await world.until("took 1")
    await peer.send(call(2, "total"), item, m.Item(2, 2), m.End(2))
    answers: dict[Any, Any] = {}
    while len(answers) < 2:
        answer: Any = await peer.next()
        answers[answer.id] = getattr(answer, "code", None) or answer.value
    assert answers == {1: code, 2: 2}
    await world.until("dependency left", 2)
    assert await works(peer)


@pytest.mark.parametrize("how", ["close", "cut"])
async def test_a_connection_lost_in_the_middle(world: World, bystander: Peer, how: str) -> None:
    peer = await world.open()
    await peer.send(call(1, "total"), m.Item(1, 1))
    await world.until("took 1")
    await peer.close() if how == "close" else peer.cut()
    await world.until("dependency left")
    assert world.noted == ["took 1", "dependency left"]


async def test_a_procedure_that_fails_in_the_middle(world: World, bystander: Peer) -> None:
    peer = await world.open()
    await peer.send(call(1, "fails"), m.Item(1, 1), m.Item(1, 2))
    answer = await peer.answer(1)
    assert isinstance(answer, m.Error)
    assert (answer.code, answer.detail) == ("CONFLICT", "not 1")
    await world.until("dependency left")
    await peer.send(m.Item(1, 3), m.End(1))
    assert await works(peer)


async def test_an_item_that_does_not_fit_is_raised_where_it_is_read(world: World, bystander: Peer) -> None:
    peer = await world.open()
    await peer.send(call(1, "total"), m.Item(1, 1), m.Item(1, "hunter2"))
    answer: Any = await peer.answer(1)
    assert (answer.status, answer.code) == (422, "INVALID_ARGUMENT")
    assert answer.detail == [
        {
            "type": "int_parsing",
            "loc": ["upload", "items", "1"],
            "msg": "Input should be a valid integer, unable to parse string as an integer",
        }
    ]
    await world.until("dependency left")
    assert await works(peer)


async def test_items_may_be_read_in_another_task_of_the_call(world: World) -> None:
    peer = await world.open()
    await peer.send(call(1, "in_a_task"), m.Item(1, 1))
    await peer.send(m.Item(1, 2), m.End(1))
    assert await peer.answer(1) == m.Result(1, 3)


async def test_background_tasks_after_an_upload(world: World) -> None:
    peer = await world.open()
    await peer.send(call(1, "total_and_more"), m.Item(1, 1), m.End(1))
    assert await peer.answer(1) == m.Result(1, 1)
    await world.until("background")


async def test_two_uploads_beside_each_other(world: World) -> None:
    peer = await world.open()
    await peer.send(call(1, "total"), call(2, "total"))
    for n in range(30):
        await peer.send(m.Item(1, n), m.Item(2, -n))
        if n % 2:
            for _ in range(2):
                await peer.until(m.Credit)
    await peer.send(m.End(2), m.End(1))
    assert {(await peer.until(m.Result)).value for _ in range(2)} == {435, -435}


async def test_an_upload_cannot_be_filled_as_a_value(world: World, bystander: Peer) -> None:
    peer = await world.open()
    error = await peer.error(call(1, "total", items=[1, 2]))
    assert error.code == "INVALID_ARGUMENT"
    await peer.send(call(2, "total", [1, 2]), m.End(2))
    # In its place there is nothing to say; what is said there is not looked at.
    assert isinstance(await peer.answer(2), m.Result | m.Error)
    assert await works(peer)
