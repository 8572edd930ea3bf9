"""A call runs in a real task: what asyncio and anyio do with `current_task()` works, and the connection stays usable."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from fusewire import Fuse

from tests.support.callers import Caller
from tests.support.tasks import failing_group

Connect = Callable[..., Awaitable[Caller]]


def me() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


async def timeout() -> str:
    try:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
    except TimeoutError:
        return f"{me().cancelling()}"
    return "never"


async def timeout_at_once() -> str:
    try:
        async with asyncio.timeout(0):
            await asyncio.sleep(0)
    except TimeoutError:
        return "0"
    return "never"


async def wait_for() -> str:
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 0.01)
    except TimeoutError:
        return "0"
    return "never"


async def task_group() -> str:
    async def child(n: int) -> int:
        await asyncio.sleep(0)
        return n

    async with asyncio.TaskGroup() as tasks:
        children = [tasks.create_task(child(n)) for n in range(3)]
    assert sum(child.result() for child in children) == 3
    with pytest.raises(ExceptionGroup):
        await failing_group()
    return "0"


async def gather() -> str:
    one, two = await asyncio.gather(asyncio.sleep(0, "0"), asyncio.to_thread(str, 0))
    assert one == two
    return one


async def anyio_scopes() -> str:
    with anyio.move_on_after(0.01) as scope:
        await anyio.sleep_forever()
    assert scope.cancelled_caught
    with anyio.CancelScope() as scope:
        scope.cancel()
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    with pytest.raises(TimeoutError), anyio.fail_after(0.01):
        await anyio.sleep_forever()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep_forever)
        tasks.start_soon(anyio.sleep, 30)
        tasks.cancel_scope.cancel()
    return f"{me().cancelling()}"


async def cancels_itself_and_goes_on() -> str:
    me().cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        return f"{me().uncancel()}"
    return "never"


async def catches_what_a_child_was() -> str:
    async with asyncio.TaskGroup() as tasks:
        child = tasks.create_task(asyncio.Event().wait())
        await asyncio.sleep(0)
        child.cancel()
        try:
            await child
        except asyncio.CancelledError:
            return f"{me().cancelling()}"
    return "never"


WORKS = [
    timeout,
    timeout_at_once,
    wait_for,
    task_group,
    gather,
    anyio_scopes,
    cancels_itself_and_goes_on,
    catches_what_a_child_was,
]


@pytest.mark.parametrize("how", WORKS)
async def test_what_needs_the_current_task_works(
    fuse: Fuse, connect: Connect, how: Callable[[], Awaitable[str]]
) -> None:
    @fuse.rpc
    async def run() -> str:
        return await how()

    @fuse.rpc
    async def stream() -> AsyncIterator[str]:
        yield await how()
        yield await how()

    @fuse.rpc
    async def add(a: int, b: int) -> int:
        return a + b

    caller = await connect()
    for _ in range(2):
        assert await caller.call("run") == "0"
        assert [item async for item in caller.stream("stream")] == ["0", "0"]
    assert await caller.call("add", 1, 2) == 3
