"""Streams that the client reads from a server that the test plays."""

import asyncio
from typing import Any

import pytest
from fusewire import RpcError
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from .conftest import Greet, PlayedServer, item


async def test_credit_is_granted_as_items_are_taken(greeted: Greet, server: PlayedServer) -> None:
    async with greeted(stream_items=4) as client, client.chat() as items:
        call_id = (await server.call()).id
        await server.say(*(item(call_id, n) for n in range(4)))
        assert [await anext(items) for _ in range(2)] == [0, 1]
        assert await server.next() == m.Credit(call_id, 2, 2)
        await server.say(item(call_id, 4), m.End(call_id))
        assert [n async for n in items] == [2, 3, 4]


async def test_leaving_a_loop_early_cancels_ahead_of_what_follows(
    greeted: Greet, server: PlayedServer
) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_first(client.chat(), then=lambda: client.add()))
        call_id = (await server.call()).id
        await server.say(item(call_id, "token"))
        assert await server.next() == m.Cancel(call_id)
        await server.answer(await server.call(), "added")
        assert await reading == ("token", "added")
        await server.say(m.Error(call_id, 499, "CANCELLED", pack("")))


async def test_the_end_of_the_block_waits_for_the_clean_up(greeted: Greet, server: PlayedServer) -> None:
    async def leave() -> None:
        async with client.chat() as items:
            async for _ in items:
                break

    async with greeted() as client, asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(leave())
        call_id = (await server.call()).id
        await server.say(item(call_id, "token"))
        assert await server.next() == m.Cancel(call_id)
        assert not leaving.done()
        # What crosses on the way is dropped.
        await server.say(item(call_id, "late"), m.Error(call_id, 499, "CANCELLED", pack("")))
        await leaving


async def test_an_error_in_the_middle_comes_after_the_items(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, client.chat() as items:
        call_id = (await server.call()).id
        await server.say(item(call_id, 1), m.Error(call_id, 500, "INTERNAL", pack("no")))
        assert await anext(items) == 1
        with pytest.raises(RpcError, match="INTERNAL"):
            await anext(items)
        assert [n async for n in items] == []


async def _first(items: Any, *, then: Any) -> Any:
    found = None
    async for value in items:
        found = value
        break
    return found, await then()
