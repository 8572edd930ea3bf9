"""What a stream does, on every transport."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated

import pytest
from fastapi import BackgroundTasks, Depends
from fusewire import Fuse, RpcError, active_user

from tests.support.callers import Caller, CallError, collect
from tests.support.rows import Public, Row

Connect = Callable[..., Awaitable[Caller]]


class Gone(RpcError, status=410):
    """It went away."""


async def test_items_arrive_in_order_and_falsy_ones_too(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def count(n: int) -> AsyncGenerator[int | str | None]:
        for i in range(n):
            yield i
        yield ""
        yield None

    caller = await connect()
    assert await collect(caller.stream("count", 3)) == [0, 1, 2, "", None]
    assert await collect(caller.stream("count", 300)) == [*range(300), "", None]
    assert await collect(caller.stream("count", 0)) == ["", None]


async def test_an_empty_stream_ends(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def nothing() -> AsyncIterator[int]:
        return
        yield

    assert await collect((await connect()).stream("nothing")) == []


async def test_a_sync_generator_never_blocks_the_loop(fuse: Fuse, connect: Connect) -> None:
    release, threads = threading.Event(), set[bool]()

    @fuse.rpc
    def slow() -> Iterator[int]:
        threads.add(threading.current_thread() is threading.main_thread())
        yield 1
        assert release.wait(10)
        yield 2

    @fuse.rpc
    async def let_go() -> None:
        release.set()

    stream = (await connect()).stream("slow")
    assert await anext(stream) == 1
    # Answered while the generator blocks its thread.
    await (await connect(on="http-json")).call("let_go")
    assert await collect(stream) == [2]
    assert threads == {False}


async def test_items_are_filtered(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def people() -> AsyncIterator[Public]:
        yield Row(name="ann", password_hash="secret")

    assert await collect((await connect()).stream("people")) == [{"name": "ann"}]


async def test_an_error_before_the_first_item_has_its_status(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def refuse() -> AsyncIterator[int]:
        raise Gone(message="went away")
        yield

    with pytest.raises(CallError, match="410 GONE: went away"):
        await collect((await connect()).stream("refuse"))


async def test_wrong_arguments_before_the_first_item(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def count(n: int) -> AsyncIterator[int]:
        yield n

    with pytest.raises(CallError, match="422 INVALID_ARGUMENT"):
        await collect((await connect()).stream("count", "x"))


async def test_an_error_in_the_middle_is_told(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc(raises=[Gone])
    async def part() -> AsyncIterator[int]:
        yield 1
        raise Gone(message="went away")

    stream = (await connect()).stream("part")
    assert await anext(stream) == 1
    with pytest.raises(CallError) as caught:
        await anext(stream)
    assert (caught.value.code, caught.value.detail) == ("GONE", "went away")


async def test_leaving_cancels_in_python(fuse: Fuse, connect: Connect) -> None:
    log: list[str] = []
    closed = asyncio.Event()

    async def session() -> AsyncGenerator[str]:
        try:
            yield "s"
        finally:
            log.append("dependency closed")
            closed.set()

    @fuse.rpc
    async def forever(db: Annotated[str, Depends(session)]) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append("cancelled")
            raise
        finally:
            log.append("finally")

    stream = (await connect()).stream("forever")
    assert await anext(stream) == 1
    await stream.aclose()
    async with asyncio.timeout(5):
        await closed.wait()
    assert log == ["cancelled", "finally", "dependency closed"]


async def test_a_reader_that_stops_stops_the_generator(fuse: Fuse, connect: Connect, transport: str) -> None:
    produced = 0

    @fuse.rpc
    async def flood() -> AsyncIterator[bytes]:
        nonlocal produced
        while True:
            produced += 1
            yield b"x" * 16_384

    stream = (await connect()).stream("flood")
    await anext(stream)
    steady = -1
    async with asyncio.timeout(10):
        while steady != produced:
            steady = produced
            await asyncio.sleep(0.1)
    # 256 KiB of credit over WebSocket; over HTTP what the kernel's socket buffers hold.
    assert produced <= (17 if transport == "websocket" else 2_000)
    await stream.aclose()


async def test_a_stream_knows_its_caller(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def me() -> AsyncIterator[str | None]:
        yield active_user()
        await asyncio.sleep(0)
        yield active_user()

    assert await collect((await connect(token="ann")).stream("me")) == ["ann", "ann"]


async def test_a_function_that_returns_an_iterator_streams_when_told(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc(stream=True)
    async def letters() -> Iterator[str]:
        return iter("ab")

    @fuse.rpc
    async def listed() -> list[str]:
        return ["a", "b"]

    caller = await connect()
    assert await collect(caller.stream("letters")) == ["a", "b"]
    assert await caller.call("listed") == ["a", "b"]


async def test_a_generator_that_never_waits_lets_others_run(fuse: Fuse, connect: Connect) -> None:
    produced = 0

    @fuse.rpc
    async def busy() -> AsyncIterator[int]:
        nonlocal produced
        while produced < 500_000:
            produced += 1
            yield 0

    @fuse.rpc
    async def ping() -> str:
        return "pong"

    stream, other = (await connect()).stream("busy"), await connect(on="http-json")
    await anext(stream)
    assert await other.call("ping") == "pong"
    assert produced < 100_000
    await stream.aclose()


async def test_what_comes_after_the_last_item_runs_to_its_end(fuse: Fuse, connect: Connect) -> None:
    done: list[str] = []
    finished = asyncio.Event()

    async def session() -> AsyncGenerator[str]:
        yield "s"
        await asyncio.sleep(0.05)
        done.append("committed")
        finished.set()

    async def later() -> None:
        await asyncio.sleep(0.05)
        done.append("background")

    @fuse.rpc
    async def short(tasks: BackgroundTasks, db: Annotated[str, Depends(session)]) -> AsyncIterator[int]:
        tasks.add_task(later)
        yield 1

    assert await collect((await connect()).stream("short")) == [1]
    async with asyncio.timeout(5):
        await finished.wait()
    assert done == ["background", "committed"]


async def test_a_sync_generator_that_is_left_finishes(fuse: Fuse, connect: Connect) -> None:
    log: list[str] = []
    ended = threading.Event()

    @fuse.rpc
    def slow() -> Iterator[int]:
        try:
            for n in range(1000):
                time.sleep(0.02)
                yield n
        finally:
            log.append("finally")
            ended.set()

    stream = (await connect()).stream("slow")
    await anext(stream)
    await stream.aclose()
    assert await asyncio.to_thread(ended.wait, 5)
    assert log == ["finally"]
