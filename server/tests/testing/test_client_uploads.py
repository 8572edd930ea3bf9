"""Streams that the client sends to a server that the test plays."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fusewire.client import ConnectionLost
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from .conftest import Greet, PlayedServer, item
from .support import caught


class Source:
    """What a test uploads; it tells how far it was read and whether it was closed."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.read = 0
        self.closed = asyncio.Event()

    async def __call__(self) -> AsyncIterator[int]:
        try:
            for n in range(self.count):
                self.read += 1
                yield n
        finally:
            self.closed.set()


async def test_an_upload_follows_its_call(greeted: Greet, server: PlayedServer) -> None:
    source = Source(2)
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total("x", source(), scale=2))
        assert await server.next() == m.Call(1, "total", ["x", None], {"scale": 2})
        assert [await server.next() for _ in range(3)] == [m.Item(1, 0), m.Item(1, 1), m.End(1)]
        await server.say(m.Result(1, pack(2)))
        assert await call == 2


async def test_an_upload_by_name_is_absent_from_the_arguments(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total(numbers=Source(0)()))
        assert await server.next() == m.Call(1, "total")
        assert await server.next() == m.End(1)
        await server.say(m.Result(1, pack(0)))
        assert await call == 0


async def test_an_upload_goes_on_as_credit_allows(greeted: Greet, server: PlayedServer) -> None:
    source = Source(6)
    async with greeted(stream_items=4) as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total(source()))
        await server.call()
        assert [await server.next() for _ in range(4)] == [m.Item(1, n) for n in range(4)]
        await server.say(m.Ping())
        assert await server.next() == m.Pong()
        assert source.read == 4  # nothing is taken that cannot be sent
        await server.say(m.Credit(1, 4, 4))
        assert [await server.next() for _ in range(3)] == [m.Item(1, 4), m.Item(1, 5), m.End(1)]
        await server.say(m.Result(1, pack(15)))
        assert await call == 15


async def test_a_call_that_settles_early_stops_its_source(greeted: Greet, server: PlayedServer) -> None:
    source = Source(100)
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total(source()))
        await server.answer(await server.call(), "enough")
        assert await call == "enough"
        assert source.closed.is_set()


async def test_a_cancelled_call_stops_its_source(greeted: Greet, server: PlayedServer) -> None:
    source = Source(100)
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total(source()))
        await server.call()
        while not isinstance(message := await server.next(), m.Item) or message.value < 3:
            pass
        call.cancel()
        assert await server.next() == m.Cancel(1)
        await server.say(m.Error(1, 499, "CANCELLED", pack("")))
        await asyncio.wait({call}, timeout=5)
        assert call.cancelled()
        assert source.closed.is_set()


async def test_a_source_that_fails_cancels_and_is_what_the_caller_gets(
    greeted: Greet, server: PlayedServer
) -> None:
    async def failing() -> AsyncIterator[int]:
        yield 1
        raise OSError("the disk is gone")

    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(caught(client.total(failing())))
        await server.call()
        assert [await server.next() for _ in range(2)] == [m.Item(1, 1), m.Cancel(1)]
        await server.say(m.Error(1, 499, "CANCELLED", pack("")))
        assert repr(await call) == "OSError('the disk is gone')"


async def test_a_source_that_fails_while_it_is_stopped_ends_its_call_alone(
    greeted: Greet, server: PlayedServer
) -> None:
    async def stubborn() -> AsyncIterator[int]:
        try:
            for n in range(100):
                yield n
        finally:
            raise OSError("cannot close")

    async with greeted(stream_items=4) as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(caught(client.total(stubborn())))
        begun = await server.call()
        assert [await server.next() for _ in range(4)] == [m.Item(1, n) for n in range(4)]
        await server.answer(begun, "enough")
        assert repr(await call) == "OSError('cannot close')"
        call = tasks.create_task(client.add(1))
        await server.answer(await server.call(), "fine")
        assert await call == "fine"


async def test_a_lost_connection_stops_the_source(greeted: Greet, server: PlayedServer) -> None:
    source = Source(100)
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(caught(client.total(source())))
        await server.call()
        assert isinstance(await server.next(), m.Item)
        server.hang_up(1006)
        assert isinstance(await call, ConnectionLost)
        assert source.closed.is_set()


async def test_a_stream_of_another_call_can_be_uploaded(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.total(client.count()))
        total, count = await server.call(), await server.call()
        await server.say(item(count.id, 7), m.End(count.id))
        assert [await server.next() for _ in range(2)] == [m.Item(total.id, 7), m.End(total.id)]
        await server.answer(total, 7)
        assert await call == 7


async def test_one_upload_a_call(greeted: Greet) -> None:
    async with greeted() as client:
        with pytest.raises(TypeError, match="at most one argument may be a stream, 2 are"):
            client.total(Source(1)(), other=Source(1)())
