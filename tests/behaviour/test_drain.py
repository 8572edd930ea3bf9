"""A server that stops under `fusewire.serving`: what each caller of it sees (PROTOCOL §2.6)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Annotated

import pytest
import websockets
from fastapi import Depends
from fusewire.wire import messages as m

from tests.support.peer import Peer, call
from tests.support.worlds import World

Start = Callable[..., Awaitable[World]]
DRAINING = {
    "quick": False,
    "ws": "fusewire.serving:WebSocketProtocol",
    "timeout_graceful_shutdown": 20,
}


async def draining(start: Start) -> tuple[World, Peer]:
    """A server that goes away while a call waits at the gate."""
    world = await start(options=DRAINING, drain=30)
    peer = await world.open()
    await peer.send(call(1, "wait_here"))
    await world.until("waiting")
    world.server.stop()
    await peer.until(m.GoAway)
    return world, peer


async def test_each_connection_finishes_what_is_under_way_and_starts_nothing_new(start: Start) -> None:
    world = await start(options=DRAINING, drain=30)

    @world.fuse.rpc(transports="websocket")
    async def total(items: AsyncIterator[int]) -> int:
        return sum([item async for item in items])

    idle, busy, streaming, uploading = [await world.open() for _ in range(4)]
    # One of the two outlasts the second that a connection without calls is kept open.
    await busy.send(call(1, "wait_here"), call(2, "wait_here", timeout_ms=1300))
    await streaming.send(call(1, "numbers", 6))
    await uploading.send(call(1, "total"), m.Item(1, 20))
    await world.until("waiting", 2)
    await world.until("made 3")
    world.server.stop()
    for peer in (idle, busy, streaming, uploading):
        assert (await peer.until(m.GoAway)).drain_ms == 30_000
    # New calls are refused on each, and none of them is started.
    for peer in (idle, busy, streaming, uploading):
        for name in ("add", "wait_here", "numbers", "later"):
            error = await peer.error(call(7, name, 1))
            assert (error.status, error.code) == (503, "UNAVAILABLE")
    # What is under way goes on: credit, items and cancel still count.
    await streaming.send(m.Credit(1, 100, 0))
    assert await streaming.until(m.End) == m.End(1)
    await uploading.send(m.Item(1, 22), m.End(1))
    assert await uploading.answer(1) == m.Result(1, 42)
    assert world.noted.count("waiting") == 2
    overdue = await busy.answer(2)
    assert isinstance(overdue, m.Error)
    assert overdue.code == "DEADLINE_EXCEEDED"
    world.gate.set()
    assert await busy.answer(1) == m.Result(1, None)
    for peer in (idle, busy, streaming, uploading):
        assert await peer.close_code() == (4000, "going_away")


async def test_calls_that_outlast_the_drain_are_cancelled_with_their_clean_up(start: Start) -> None:
    world = await start(options=DRAINING, drain=0.2)

    async def session() -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await asyncio.sleep(0)
            world.note("dependency left")

    @world.fuse.rpc
    async def endless(db: Annotated[None, Depends(session)]) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            world.note("stream closed")

    peer = await world.open()
    await peer.send(call(1, "wait_here"), call(2, "endless"))
    await peer.until(m.Item)
    world.server.stop()
    assert (await peer.until(m.GoAway)).drain_ms == 200
    assert await peer.close_code() == (4000, "going_away")
    for what in ("cancelled", "finally", "stream closed", "dependency left"):
        await world.until(what)


async def test_a_connection_that_says_hello_late_is_told_too(start: Start) -> None:
    world = await start(options=DRAINING, drain=30)
    peer = await world.open(say_hello=False)
    await peer.send(m.Hello(credentials={"token": "slow"}), call(1, "add", 1))
    await world.until("identifying")
    world.server.stop()
    assert (await peer.until(m.GoAway)).drain_ms == 30_000
    world.gate.set()
    # Whoever did not expect it before welcome is told again.
    await peer.until(m.Welcome)
    assert (await peer.next()) == m.GoAway(30_000)
    answer = await peer.answer(1)
    assert isinstance(answer, m.Error)
    assert answer.code == "UNAVAILABLE"
    async with asyncio.timeout(4):
        assert await peer.close_code() == (4000, "going_away")


async def test_nobody_new_is_let_in(start: Start) -> None:
    world, peer = await draining(start)
    with pytest.raises((OSError, websockets.InvalidHandshake)):
        await world.open()
    world.gate.set()
    assert await peer.answer(1) == m.Result(1, None)


async def test_the_lifespan_ends_when_the_last_call_has(start: Start) -> None:
    """What a call uses until its end (a pool, a client) is still there."""
    world, peer = await draining(start)
    world.gate.set()
    assert await peer.answer(1) == m.Result(1, None)
    assert await peer.close_code() == (4000, "going_away")
    await world.until("lifespan ended")
    assert world.noted == ["waiting", "finally", "lifespan ended"]
