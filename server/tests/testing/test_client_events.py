"""Events that a server played by the test sends to the client."""

import asyncio

import pytest
from fusewire.client import ConnectionLost, EventsLostError
from fusewire.client.inbox import Inbox
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from .conftest import Greet, PlayedServer


async def test_events_are_kept_and_given_out_once(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client:
        await server.say(*(m.Event(name, pack(n)) for n, name in enumerate(["A", "B", "A", "A"])))
        assert await client.event("A") == 0
        events = client.events("A")
        assert [await anext(events), await anext(events)] == [2, 3]
        with pytest.raises(TimeoutError, match=r"no A within 0\.01 s; waiting are B"):
            await client.event("A", within=0.01)


async def test_an_event_that_comes_later_is_waited_for(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(client.event("A"))
        await server.say(m.Event("B", pack(0)), m.Event("A", pack(1)))
        assert await waiting == 1


async def test_no_event_comes_from_a_closed_connection(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client:
        await server.say(m.Event("A", pack(1)))
        server.hang_up(4001)
        await client.closed()
        assert await client.event("A") == 1
        with pytest.raises(ConnectionLost, match="4001"):
            await client.event("A", within=None)


async def test_events_that_were_not_kept_are_told() -> None:
    inbox = Inbox(most=2)
    for n in range(3):
        inbox.put(m.Event("A", n))
    with pytest.raises(EventsLostError, match="more than 2"):
        await inbox.take("A", within=1)
    assert [await inbox.take("A", within=1) for _ in range(2)] == [1, 2]
