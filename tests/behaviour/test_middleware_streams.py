"""`@fuse.middleware` around streams, on every transport."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from fusewire import Call, Fuse

from tests.support.callers import Caller, collect
from tests.support.rows import Public, Row
from tests.support.worlds import Notes

Connect = Callable[..., Awaitable[Caller]]
Next = Callable[[], Awaitable[Any]]


@pytest.mark.parametrize("blocking", [False, True])
async def test_it_wraps_the_items_of_a_stream(
    fuse: Fuse, connect: Connect, note: Notes, blocking: bool
) -> None:
    @fuse.middleware
    async def around(call: Call, call_next: Next) -> Any:
        items = await call_next()

        async def changed() -> AsyncIterator[Any]:
            try:
                async for item in items:
                    if item.name != "b":
                        yield Row(name=item.name * 2)
                yield {"name": "end", "password_hash": "secret"}
            finally:
                note("middleware closed")

        return changed()

    if blocking:

        @fuse.rpc(name="people")
        def people_in_a_thread() -> Iterator[Public]:
            yield from (Public(name=name) for name in "abc")

    else:

        @fuse.rpc
        async def people() -> AsyncIterator[Public]:
            for name in "abc":
                yield Public(name=name)

    caller = await connect()
    assert await collect(caller.stream("people")) == [{"name": "aa"}, {"name": "cc"}, {"name": "end"}]
    await note.until("middleware closed")


async def test_leaving_a_wrapped_stream_closes_both(fuse: Fuse, connect: Connect, note: Notes) -> None:
    @fuse.middleware
    async def around(call: Call, call_next: Next) -> Any:
        items = await call_next()

        async def passed() -> AsyncIterator[Any]:
            try:
                async for item in items:
                    yield item
            finally:
                note("middleware closed")
                await items.aclose()

        return passed()

    @fuse.rpc
    async def forever() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            note("generator closed")

    stream = (await connect()).stream("forever")
    assert await anext(stream) == 1
    await stream.aclose()
    await note.until("middleware closed")
    await note.until("generator closed")
