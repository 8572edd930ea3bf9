"""Replies leave joined when they are ready together, and alone when they are not; blocking code blocks nobody."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, Any

from fastapi import Depends
from fusewire import Fuse
from fusewire.wire import messages as m
from fusewire.wire.codec import write

from tests.support.callers import Caller
from tests.support.peer import Peer, call
from tests.support.worlds import World, works

Connect = Callable[..., Awaitable[Caller]]
Start = Callable[..., Awaitable[World]]


def frames_of(peer: Peer) -> list[bytes]:
    """What came in since the last look, pings aside."""
    frames = [frame for frame in peer.frames if frame != write(m.Ping())]
    peer.frames.clear()
    return frames


async def answers(peer: Peer, count: int) -> dict[int, Any]:
    found: dict[int, Any] = {}
    while len(found) < count:
        message: Any = await peer.next()
        found[message.id] = getattr(message, "value", None)
    return found


async def test_what_is_called_together_is_answered_together(world: World, bystander: Peer) -> None:
    peer = await world.open()
    frames_of(peer)
    for count in (1, 2, 40):
        await peer.send(*(call(call_id, "add", call_id, 1) for call_id in range(1, count + 1)))
        assert await answers(peer, count) == {call_id: call_id + 1 for call_id in range(1, count + 1)}
        assert len(frames_of(peer)) == 1


async def test_errors_are_joined_with_results(world: World) -> None:
    peer = await world.open()
    frames_of(peer)
    await peer.send(call(1, "add", 1), call(2, "add", "x"), call(3, "nowhere"), call(4, "add", 4), m.Ping())
    kinds = {type(await peer.next()).__name__ for _ in range(5)}
    assert kinds == {"Result", "Error", "Pong"}
    assert len(frames_of(peer)) == 1


async def test_what_becomes_ready_in_one_turn_is_answered_together(start: Start) -> None:
    """Calls that waited for one and the same thing."""
    world = await start(calls=10)
    peer = await world.open()
    await peer.send(*(call(call_id, "wait_here") for call_id in range(1, 9)))
    await world.until("waiting", 8)
    assert await works(peer)
    frames_of(peer)
    world.gate.set()
    assert len(await answers(peer, 8)) == 8
    assert len(frames_of(peer)) == 1


async def test_a_reply_waits_for_no_other(world: World) -> None:
    """Of three calls in one frame one hangs; the others' answers are there, before and behind it."""
    peer = await world.open()
    await peer.send(call(1, "add", 1), call(2, "wait_here"), call(3, "add", 3), call(4, "numbers", 1))
    got = await answers(peer, 3)
    assert (got[1], got[3], got[4]) == (1, 3, b"\x00")
    assert "finally" not in world.noted
    world.gate.set()
    assert await peer.answer(2) == m.Result(2, None)


async def test_a_lone_reply_of_a_call_that_waited_waits_for_nothing(world: World) -> None:
    peer = await world.open()
    await peer.send(call(1, "wait_here"))
    await world.until("waiting")
    world.gate.set()
    assert await peer.next() == m.Result(1, None)


async def test_an_item_does_not_wait_for_the_next(world: World) -> None:
    @world.fuse.rpc
    async def slowly() -> AsyncIterator[int]:
        yield 1
        await world.gate.wait()
        yield 2

    peer = await world.open()
    await peer.send(call(1, "slowly"))
    assert await peer.next() == m.Item(1, 1)
    world.gate.set()
    assert await peer.next() == m.Item(1, 2)
    assert await peer.next() == m.End(1)


async def test_joined_frames_stay_within_the_bound(start: Start) -> None:
    world = await start(calls=50, outgoing_bytes=2**20)
    peer = await world.open()
    frames_of(peer)
    await peer.send(*(call(call_id, "big", 3000) for call_id in range(1, 41)))
    assert len(await answers(peer, 40)) == 40
    assert max(len(frame) for frame in frames_of(peer)) <= 64 * 1024 + 3100


async def test_blocking_code_never_blocks_the_loop(fuse: Fuse, connect: Connect) -> None:
    """Functions, generators and dependencies of all kinds stand still; the loop goes on and serves others."""
    release = threading.Event()
    standing = threading.Semaphore(0)

    def stands() -> None:
        assert threading.current_thread() is not threading.main_thread()
        standing.release()
        assert release.wait(10)

    def entered() -> Iterator[int]:
        stands()
        yield 1
        stands()

    def dependency() -> int:
        stands()
        return 1

    @fuse.rpc
    def function() -> int:
        stands()
        return 1

    @fuse.rpc
    def generator() -> Iterator[int]:
        stands()
        yield 1
        stands()

    @fuse.rpc
    async def depending(n: Annotated[int, Depends(dependency)]) -> int:
        return n

    @fuse.rpc
    async def with_session(n: Annotated[int, Depends(entered)]) -> int:
        return n

    @fuse.rpc
    async def ping() -> str:
        return "pong"

    async def collect(caller: Caller) -> list[Any]:
        return [item async for item in caller.stream("generator")]

    names = ("function", "depending", "with_session")
    callers = [await connect() for _ in range(4)]
    other, http = await connect(), await connect(on="http-json")
    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(caller.call(name)) for caller, name in zip(callers, names, strict=False)]
        streaming = tasks.create_task(collect(callers[3]))
        for _ in range(4):
            assert await asyncio.to_thread(standing.acquire, timeout=5)
        # All four stand in their threads; a ticker goes on, and so do other calls.
        for _ in range(5):
            await asyncio.sleep(0)
            assert await other.call("ping") == "pong"
            assert await http.call("ping") == "pong"
        assert not any(task.done() for task in (*calls, streaming))
        release.set()
    assert [task.result() for task in calls] == [1, 1, 1]
    assert streaming.result() == [1]


async def test_one_frame_of_many_calls_leaves_others_their_turn(start: Start) -> None:
    world = await start(frame_messages=1000, frame_bytes=2**20, calls=1000)
    turns: list[str] = []

    @world.fuse.rpc
    async def busy() -> None:
        turns.append("busy")

    @world.fuse.rpc
    async def other() -> None:
        turns.append("other")

    peer, second = await world.open(), await world.open()
    await asyncio.gather(
        peer.send(*(call(call_id, "busy") for call_id in range(1, 1001))),
        second.send(call(1, "other")),
    )
    await second.answer(1)
    await peer.answer(1000)
    # 64 messages are acted on, then the others have a turn.
    assert turns.count("busy") == 1000
    assert turns.index("other") <= 128
