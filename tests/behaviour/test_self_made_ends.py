"""Calls that end, or cancel, themselves: each ends alone, is answered once, and leaves its connection usable."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from fusewire import Fuse
from fusewire.wire import messages as m

from tests.support.callers import Caller, CallError
from tests.support.peer import Peer, call
from tests.support.tasks import failing_group
from tests.support.worlds import Notes, World, works

Connect = Callable[..., Awaitable[Caller]]


def me() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


async def cancels_itself() -> None:
    me().cancel()
    await asyncio.sleep(0)


async def waits_and_cancels_itself() -> None:
    await asyncio.sleep(0)
    me().cancel()
    await asyncio.sleep(0)


async def cancels_itself_and_returns() -> None:
    me().cancel()


async def raises_it() -> None:
    raise asyncio.CancelledError


async def waits_and_raises_it() -> None:
    await asyncio.sleep(0)
    raise asyncio.CancelledError


async def awaits_what_was_cancelled() -> None:
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    gone.cancel()
    await gone


ENDS = {
    cancels_itself: "CANCELLED",
    waits_and_cancels_itself: "CANCELLED",
    cancels_itself_and_returns: None,
    raises_it: "INTERNAL",
    waits_and_raises_it: "INTERNAL",
    awaits_what_was_cancelled: "INTERNAL",
}


@pytest.mark.parametrize("how", ENDS)
async def test_a_call_that_ends_itself_ends_alone(world: World, bystander: Peer, how: Any) -> None:
    """Over one connection, with neighbours in its frame: exactly one answer, and everything else goes on."""

    @world.fuse.rpc
    async def run() -> None:
        await how()

    peer = await world.open()
    for _ in range(3):
        await peer.send(call(9, "wait_here"), call(1, "add", 1), call(2, "run"), call(3, "add", 3))
        answers: dict[Any, Any] = {}
        while len(answers) < 3:
            message: Any = await peer.next()
            assert message.id not in answers
            answers[message.id] = getattr(message, "code", None)
        assert answers == {1: None, 2: ENDS[how], 3: None}
        assert await works(peer)
        world.gate.set()
        assert isinstance(await peer.answer(9), m.Result)
        world.gate.clear()


@pytest.mark.parametrize("how", ENDS)
async def test_over_http_it_is_answered_too(
    fuse: Fuse, connect: Connect, transport: str, how: Any, request: pytest.FixtureRequest
) -> None:
    if transport == "websocket":
        return  # has its own test above

    @fuse.rpc
    async def run() -> None:
        await how()

    @fuse.rpc
    async def add(a: int, b: int) -> int:
        return a + b

    caller = await connect()
    code = None
    try:
        await caller.call("run")
    except CallError as error:
        code = error.code
    assert code == ENDS[how]
    assert await caller.call("add", 1, 2) == 3


async def test_a_call_that_swallows_its_cancellation_has_its_result(world: World, bystander: Peer) -> None:
    @world.fuse.rpc
    async def stubborn() -> str:
        world.note("stubborn")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return "finished anyway"
        return "never"

    peer = await world.open()
    await peer.send(call(1, "stubborn"))
    await world.until("stubborn")
    await peer.send(m.Cancel(1))
    answer = await peer.answer(1)
    # Settled with whatever settled it first (PROTOCOL §3), and once.
    assert answer == m.Result(1, "finished anyway")
    assert await works(peer)
    await peer.send(call(1, "stubborn", timeout_ms=20))
    assert await peer.answer(1) == m.Result(1, "finished anyway")
    assert await works(peer)


async def failed_group_before() -> None:
    with contextlib.suppress(ExceptionGroup):
        await failing_group()


async def cancelled_before() -> None:
    me().cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("before", "stop"),
    [
        (failed_group_before, "cancel"),
        (failed_group_before, "deadline"),
        (failed_group_before, "disconnect"),
        (cancelled_before, "cancel"),
    ],
)
async def test_a_call_that_was_cancelled_by_its_own_doing_can_still_be_stopped(
    world: World, stop: str, before: Callable[[], Awaitable[None]]
) -> None:
    """Python 3.11 leaves `cancelling()` at 1 behind a TaskGroup whose child failed."""

    @world.fuse.rpc
    async def waits() -> None:
        await before()
        world.note("waiting")
        try:
            # The test's own way out, when it is not stopped.
            await world.gate.wait()
        except asyncio.CancelledError:
            world.note("stopped")
            raise

    peer = await world.open()
    await peer.send(call(1, "waits", timeout_ms=100 if stop == "deadline" else 0))
    await world.until("waiting")
    if stop == "cancel":
        await peer.send(m.Cancel(1))
    elif stop == "disconnect":
        peer.cut()
    await world.until("stopped", seconds=2)


async def test_calls_that_wait_never_share_a_task(start: Callable[..., Awaitable[World]]) -> None:
    world = await start(calls=9)
    waiting: dict[int, asyncio.Task[Any]] = {}
    note = Notes()

    @world.fuse.rpc
    async def waits(n: int) -> bool:
        await asyncio.sleep(0)
        waiting[n] = me()
        note("waits")
        await world.gate.wait()
        return me() is waiting[n]

    @world.fuse.rpc
    async def stream(n: int) -> AsyncIterator[bool]:
        waiting[n] = me()
        yield True
        await asyncio.sleep(0)
        yield me() is waiting[n]

    peer = await world.open()
    await peer.send(call(1, "waits", 1), call(2, "add", 1), call(3, "waits", 3), call(4, "stream", 4))
    await peer.send(call(5, "waits", 5))
    await note.until("waits", 3)
    items = [await peer.until(m.Item) for _ in range(2)]
    assert [item.value for item in items] == [True, True]
    assert len(set(waiting.values())) == 4
    # None of them is the one that reads: with all of them waiting, others are served.
    assert await works(peer)
    world.gate.set()
    assert {(await peer.until(m.Result)).value for _ in range(3)} == {True}
    assert await works(peer)


async def test_cancelling_a_call_reaches_no_call_that_ran_in_its_task_before(world: World) -> None:
    """The task that reads begins many calls; whoever keeps it is the only one that a cancel can mean."""
    peer = await world.open()
    for _ in range(5):
        await peer.send(*(call(i, "add", i) for i in range(1, 20)), call(20, "wait_here"), m.Cancel(20))
        answers = [await peer.next() for _ in range(20)]
        assert sum(isinstance(answer, m.Result) for answer in answers) == 19
        assert [answer.code for answer in answers if isinstance(answer, m.Error)] == ["CANCELLED"]
