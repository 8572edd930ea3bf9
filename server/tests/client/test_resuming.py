"""Streams that go on when their connection is lost, against a server that the test plays."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fusewire.client.typed import ConnectionLost, ResumableStream, Status, open_client, resumable
from fusewire.errors import StreamLost, StreamTakenOver, StreamUnknown, Unauthenticated
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from . import conftest
from .conftest import APP, COUNT, Link, PlayedServer


class Client(conftest.Client):
    @resumable(COUNT)
    def count(self, to: int = 3) -> ResumableStream[int]:
        """Count."""
        return self._fuse.resumable(COUNT, {"to": to})


def connect(url: str, **options: Any) -> Any:
    return open_client(Client, APP, url, **{"backoff": lambda _: 0.0, **options})


async def begun(link: Link, *items: int, stream: str | None = "s-1") -> int:
    """The call or the resume that comes next is answered with these items; its id."""
    begin = await link.next()
    assert isinstance(begin, m.Call | m.Resume), begin
    named = [] if stream is None else [m.Stream(begin.id, stream)]
    await link.say(*named, *(m.Item(begin.id, pack(n), f"7-{n}") for n in items))
    return begin.id


async def opened(server: PlayedServer, stream: ResumableStream[int], *items: int) -> tuple[Link, int]:
    """Connect, and read the first of these items; the connection, and the call's id."""

    async def play() -> tuple[Link, int]:
        link = await server.welcomed()
        return link, await begun(link, *items)

    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(play())
        assert await anext(stream) == items[0]
    return playing.result()


@asynccontextmanager
async def reading(stream: ResumableStream[int]) -> AsyncIterator[asyncio.Task[list[int]]]:
    """All of it, in a task; it may fail, and the block looks at how."""

    async def read() -> list[int]:
        return [n async for n in stream]

    task = asyncio.get_running_loop().create_task(read())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_goes_on_behind_the_last_item(server: PlayedServer) -> None:
    async with connect(server.url) as client:
        stream = client.count()
        assert (stream.id, stream.position) == (None, None)
        async with reading(stream) as task:
            first = await server.welcomed()
            await begun(first, 1, 2)
            first.cut()
            second = await server.welcomed()
            resume = await second.next()
            assert resume == m.Resume(resume.id, "s-1", "7-2", "count")
            assert (stream.id, stream.position) == ("s-1", "7-2")
            # Not even named again, and cut.
            second.cut()
            third = await server.welcomed()
            call_id = await begun(third, 3)
            await third.say(m.End(call_id))
            assert await task == [1, 2, 3]
        assert stream.position == "7-3"


async def test_what_came_before_the_cut_is_read_first(server: PlayedServer) -> None:
    async with connect(server.url) as client:
        stream = client.count()
        first, _ = await opened(server, stream, 1, 2, 3)
        first.cut()
        assert [await anext(stream), await anext(stream)] == [2, 3]
        async with reading(stream) as task:
            second = await server.welcomed()
            resume = await second.next()
            assert resume.position == "7-3"
            await second.say(m.Stream(resume.id, "s-1"), m.End(resume.id))
            assert await task == []


async def test_it_is_granted_what_was_taken(server: PlayedServer) -> None:
    async with connect(server.url) as client, reading(client.count()) as task:
        first = await server.welcomed(stream_items=4)
        await begun(first, 1)
        first.cut()
        second = await server.welcomed(stream_items=4)
        call_id = await begun(second, 2, 3)
        # Counted anew on each connection, and positions take no credit.
        assert await second.next() == m.Credit(call_id, 2, 2)
        await second.say(m.End(call_id))
        assert await task == [1, 2, 3]


@pytest.mark.parametrize("position", [None, "7-1"])
async def test_it_is_resumed_by_its_name(server: PlayedServer, position: str | None) -> None:
    async with connect(server.url) as client:
        stream = client.count.resume("s-9", position)
        assert (stream.id, stream.position) == ("s-9", position)
        async with reading(stream) as task:
            link = await server.welcomed()
            resume = await link.next()
            assert resume == m.Resume(resume.id, "s-9", position, "count")
            await link.say(m.Stream(resume.id, "s-9"), m.Item(resume.id, pack(2), "7-2"))
            await link.say(m.End(resume.id))
            assert await task == [2]
        assert stream.position == "7-2"


async def test_one_that_was_never_read_is_left_alone(server: PlayedServer) -> None:
    async with connect(server.url) as client:
        await client.count.resume("s-9").aclose()
        async with asyncio.TaskGroup() as tasks:
            call = tasks.create_task(client.add(1))
            link = await server.welcomed()
            assert (await link.answer(2)).name == "add"
            assert await call == 2


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("STREAM_UNKNOWN", 404, StreamUnknown),
        ("STREAM_LOST", 410, StreamLost),
        ("STREAM_TAKEN_OVER", 409, StreamTakenOver),
    ],
)
async def test_its_errors_have_types(
    server: PlayedServer, code: str, status: int, kind: type[Exception]
) -> None:
    async with connect(server.url) as client, reading(client.count.resume("s-1")) as task:
        link = await server.welcomed()
        resume = await link.next()
        await link.say(m.Error(resume.id, status, code, pack("no")))
        with pytest.raises(kind):
            await task


async def test_without_a_name_it_is_lost_with_its_connection(server: PlayedServer) -> None:
    async with connect(server.url) as client, reading(client.count()) as task:
        link = await server.welcomed()
        await begun(link, 1, stream=None)
        link.cut()
        with pytest.raises(ConnectionLost) as raised:
            await task
        assert raised.value.maybe_executed


@pytest.mark.parametrize("how", ["break", "aclose", "with"])
async def test_who_leaves_one_that_was_cut_ends_it_on_the_next_connection(
    server: PlayedServer, how: str
) -> None:
    lost = asyncio.Event()

    def tell(status: Status) -> None:
        if status.attempt:
            lost.set()

    async with connect(server.url, on_status=tell) as client:
        stream = client.count()
        first, _ = await opened(server, stream, 1, 2)
        first.cut()
        await lost.wait()
        await _leave(stream, how)
        # `break` alone leaves it to whoever holds it.
        del stream
        second = await server.welcomed()
        resume = await second.next()
        assert resume == m.Resume(resume.id, "s-1", "7-1" if how == "aclose" else "7-2", "count")
        assert await second.next() == m.Cancel(resume.id)
        # That was not heard; it is said again.
        second.cut()
        third = await server.welcomed()
        resume = await third.next()
        assert await third.next() == m.Cancel(resume.id)
        await third.say(m.Error(resume.id, 499, "CANCELLED", pack("as you wish")))


async def _leave(stream: ResumableStream[int], how: str) -> None:
    match how:
        case "break":
            async for _ in stream:
                break
        case "aclose":
            await stream.aclose()
        case "with":
            async with stream:
                await anext(stream)


async def test_a_cancel_that_was_cut_off_is_said_again(server: PlayedServer) -> None:
    async with connect(server.url) as client:
        stream = client.count()
        first, call_id = await opened(server, stream, 1)
        await stream.aclose()
        assert await first.next() == m.Cancel(call_id)
        first.cut()
        second = await server.welcomed()
        resume = await second.next()
        assert resume == m.Resume(resume.id, "s-1", "7-1", "count")
        assert await second.next() == m.Cancel(resume.id)


async def test_who_is_cancelled_while_there_is_no_connection_ends_it_too(server: PlayedServer) -> None:
    async with connect(server.url) as client, reading(client.count()) as task:
        first = await server.welcomed()
        await begun(first, 1)
        first.cut()
        second = await server.link()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await second.welcome()
        resume = await second.next()
        assert await second.next() == m.Cancel(resume.id)


async def test_a_client_that_is_closed_says_that_it_ran(server: PlayedServer) -> None:
    async with connect(server.url) as client, reading(client.count()) as task:
        first = await server.welcomed()
        await begun(first, 1)
        first.cut()
        await server.link()
        await client.close()
        with pytest.raises(ConnectionLost) as raised:
            await task
        assert raised.value.maybe_executed


async def test_a_refused_identity_is_what_it_ends_with(server: PlayedServer) -> None:
    async with connect(server.url) as client, reading(client.count()) as task:
        first = await server.welcomed()
        await begun(first, 1)
        first.cut()
        second = await server.link()
        await second.next()
        await second.say(m.Error(None, 401, "UNAUTHENTICATED", pack("who are you")))
        await second.close(4501)
        with pytest.raises(Unauthenticated):
            await task


async def test_over_http_nothing_is_resumed() -> None:
    async with connect("http://localhost:1", transport="http") as client:
        stream = client.count()
        assert (stream.id, stream.position) == (None, None)
        await stream.aclose()
        with pytest.raises(TypeError, match="needs a WebSocket"):
            client.count.resume("s-1")


async def test_the_method_is_like_others() -> None:
    async with connect("http://localhost:1") as client:
        assert Client.count.__doc__ == client.count.__doc__ == "Count."
        assert str(inspect.signature(client.count)) == "(to: 'int' = 3) -> 'ResumableStream[int]'"
        assert repr(client.count) == "<resumable count>"
