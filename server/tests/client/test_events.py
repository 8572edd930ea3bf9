"""Events at a typed client, against a server that the test plays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fusewire.client.listeners import MAX_BUFFERED_EVENTS, EventsOverflow
from fusewire.client.typed import ConnectionLost, Event, EventStream, NamedEvent
from fusewire.errors import Unavailable
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from .conftest import Client, Link, PlayedServer, Tick, connect

STEP: NamedEvent[int] = NamedEvent(name="step", payload=int)


class Other(Event):
    n: int


def tick(n: int) -> m.Event:
    return m.Event("Tick", pack({"n": n}))


@asynccontextmanager
async def listening(server: PlayedServer) -> AsyncIterator[tuple[Client, Link, EventStream[Tick]]]:
    async with connect(server.url) as client, client.events(Tick) as ticks:
        yield client, await server.welcomed(), ticks


async def test_listening_connects_and_gives_models(server: PlayedServer) -> None:
    async with listening(server) as (_, link, ticks):
        await link.say(tick(1), m.Event("step", pack(5)), tick(2))
        assert [await anext(ticks), await anext(ticks)] == [Tick(n=1), Tick(n=2)]


async def test_a_function_is_called_until_it_is_taken_off(server: PlayedServer) -> None:
    heard: list[int] = []
    async with listening(server) as (client, link, ticks):
        off = client.on(Tick, lambda event: heard.append(event.n))
        client.on(STEP, heard.append)
        await link.say(tick(1), m.Event("step", pack(10)), tick(2))
        assert [(await anext(ticks)).n for _ in range(2)] == [1, 2]
        off()
        off()
        await link.say(tick(3))
        assert (await anext(ticks)).n == 3
    assert heard == [1, 10, 2]


async def test_a_handler_that_raises_disturbs_nobody(server: PlayedServer) -> None:
    errors: list[Exception] = []
    async with connect(server.url, on_error=errors.append) as client:
        client.on(Tick, lambda _: 1 / 0)
        async with client.events(Tick) as ticks:
            await (await server.welcomed()).say(tick(1), m.Event("Tick", pack({"m": 1})), tick(2))
            assert (await anext(ticks)).n == 1
    assert [type(error).__name__ for error in errors] == [
        "ZeroDivisionError",
        "ValidationError",
        "ZeroDivisionError",
    ]


async def test_the_next_one(server: PlayedServer) -> None:
    async with listening(server) as (client, link, _), asyncio.TaskGroup() as tasks:
        first = tasks.create_task(client.once(Tick))
        step = tasks.create_task(client.once(STEP))
        await asyncio.sleep(0)
        await link.say(tick(1), tick(2), m.Event("step", pack(3)))
        assert ((await first).n, await step) == (1, 3)


async def test_who_left_hears_nothing(server: PlayedServer) -> None:
    async with listening(server) as (client, link, ticks):
        left = client.events(Tick)
        await left.aclose()
        dropped = client.events(Tick)
        del dropped
        await link.say(tick(1))
        assert (await anext(ticks)).n == 1
        with pytest.raises(StopAsyncIteration):
            await anext(left)
        # One reader is left, and one function.
        assert [len(each) for each in client._fuse.core.listeners._handlers.values()] == [1]


async def test_a_reader_that_is_too_slow_is_told(server: PlayedServer) -> None:
    async with listening(server) as (_, link, ticks):
        await link.say(*[tick(n) for n in range(MAX_BUFFERED_EVENTS + 1)])
        for n in range(MAX_BUFFERED_EVENTS):
            assert (await anext(ticks)).n == n
        with pytest.raises(EventsOverflow):
            await anext(ticks)
        with pytest.raises(StopAsyncIteration):
            await anext(ticks)


async def test_a_lost_connection_is_not_the_end_of_events(server: PlayedServer) -> None:
    async with listening(server) as (_, link, ticks):
        link.cut()
        await (await server.welcomed()).say(tick(2))
        assert (await anext(ticks)).n == 2


async def test_of_two_connections_only_the_newest_is_heard(server: PlayedServer) -> None:
    async with listening(server) as (client, link, ticks), asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.add(1))
        under_way = await link.next()
        await link.say(m.GoAway(10_000), tick(1))
        assert (await anext(ticks)).n == 1
        successor = await server.welcomed()
        await successor.say(tick(2))
        assert (await anext(ticks)).n == 2
        await link.say(tick(99), m.Result(under_way.id, pack(3)))
        assert await call == 3
        await successor.say(tick(3))
        assert (await anext(ticks)).n == 3


async def test_the_end_is_told_behind_what_came(server: PlayedServer) -> None:
    async with listening(server) as (client, link, ticks):
        await link.say(tick(1))
        assert (await anext(ticks)).n == 1
        await client.close()
        with pytest.raises(ConnectionLost):
            await anext(ticks)
        with pytest.raises(ConnectionLost):
            client.on(Tick, print)


async def test_what_is_no_event_is_said(server: PlayedServer) -> None:
    async with connect(server.url) as client, connect(server.url, transport="http") as over_http:
        with pytest.raises(TypeError, match="no event"):
            client.events(Other)
        with pytest.raises(Unavailable, match="WebSocket"):
            over_http.events(Tick)
        assert over_http.status.code == "http"


def kept(n: int, previous: str) -> m.Event:
    return m.Event("Tick", pack({"n": n}), "all", previous, f"p{n}")


async def test_who_comes_back_says_where_it_was(server: PlayedServer) -> None:
    missed: list[str] = []
    async with connect(server.url, on_missed=missed.append) as client, client.events(Tick) as ticks:
        link = await server.link()
        assert (await link.welcome()).positions is None
        await link.say(m.Topic("all", "p0"), m.Topic("room:a", "r0"), m.Topic("room:a"), kept(1, "p0"))
        assert (await anext(ticks)).n == 1
        link.cut()
        link = await server.link()
        assert (await link.welcome()).positions == {"all": "p1"}
        await link.say(m.Topic("all", "p2", True), kept(2, "p1"))
        assert (await anext(ticks)).n == 2
        link.cut()
        link = await server.welcomed()
        await link.say(m.Topic("all", "p8", False), kept(9, "p8"))
        assert (await anext(ticks)).n == 9
    assert missed == ["all"]


async def test_a_hole_is_filled_by_connecting_again(server: PlayedServer) -> None:
    async with listening(server) as (_, link, ticks):
        await link.say(m.Topic("all", "p0"), kept(1, "p0"), kept(3, "p2"), kept(4, "p3"))
        assert (await anext(ticks)).n == 1
        link = await server.link()
        assert (await link.welcome()).positions == {"all": "p1"}
        await link.say(m.Topic("all", "p4", True), kept(2, "p1"), kept(3, "p2"), kept(4, "p3"))
        assert [(await anext(ticks)).n for _ in range(3)] == [2, 3, 4]


async def test_what_is_kept_comes_once_while_connections_change(server: PlayedServer) -> None:
    async with listening(server) as (client, link, ticks), asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.add(1))
        under_way = await link.next()
        await link.say(m.Topic("all", "p0"), kept(1, "p0"), m.GoAway(10_000))
        assert (await anext(ticks)).n == 1
        successor = await server.link()
        hello = await successor.next()
        assert hello.positions == {"all": "p1"}
        # The old one delivers it as well, before the new one is welcomed.
        await link.say(kept(2, "p1"), m.Result(under_way.id, pack(5)))
        assert await call == 5
        await successor.say(
            m.Welcome("s", True, {}), m.Topic("all", "p2", True), kept(2, "p1"), kept(3, "p2")
        )
        assert [(await anext(ticks)).n for _ in range(2)] == [2, 3]
