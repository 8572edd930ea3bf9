"""Calls of the client to a server that the test plays."""

import asyncio

import pytest
from fusewire import RpcError
from fusewire.client import ConnectionLost, RemoteError, connection
from fusewire.wire import messages as m
from fusewire.wire.codec import pack, write

from .conftest import Greet, PlayedServer, item
from .support import caught, listed


async def test_what_is_called_in_one_tick_leaves_as_one_frame(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        first, second = (tasks.create_task(client.add(n)) for n in (1, 2))
        await server.answer(await server.call(), "a")
        await server.answer(await server.call(), "b")
        assert (await first, await second) == ("a", "b")
        assert server.frames[1:] == [write(m.Call(1, "add", [1])) + write(m.Call(2, "add", [2]))]


async def test_an_error_has_all_its_parts(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(caught(client.pay()))
        call_id = (await server.call()).id
        await server.say(m.Error(call_id, 402, "BUDGET_SPENT", pack("gone"), pack({"left": 1}), "e1"))
        error = await call
        assert isinstance(error, RemoteError)
        assert (error.status, error.code, error.detail, error.data, error.id) == (
            402,
            "BUDGET_SPENT",
            "gone",
            {"left": 1},
            "e1",
        )


async def test_calls_beyond_the_limit_wait(greeted: Greet, server: PlayedServer) -> None:
    async with greeted(max_calls=2) as client, asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(client.add(n)) for n in range(3)]
        first, second = await server.call(), await server.call()
        # A stream has a place of its own.
        stream = tasks.create_task(listed(client.chat()))
        chat = await server.call()
        assert (first.args, second.args, chat.name) == ([0], [1], "chat")
        await server.answer(second, "b")
        third = await server.call()
        assert third.args == [2]
        await server.answer(first, "a")
        await server.answer(third, "c")
        await server.say(m.End(chat.id))
        assert [await call for call in calls] == ["a", "b", "c"]
        assert await stream == []


async def test_a_deadline_counts_while_waiting_for_the_turn(greeted: Greet, server: PlayedServer) -> None:
    async with greeted(max_calls=1) as client, asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(client.slow())
        call = await server.call()
        with pytest.raises(RpcError) as raised:
            await client.with_(timeout=0.01).fast()
        assert raised.value.code == "DEADLINE_EXCEEDED"
        await server.answer(call, None)
        await slow


async def test_deadlines_on_the_wire(greeted: Greet, server: PlayedServer) -> None:
    async with greeted(timeout=30, max_calls=9, max_streams=9) as client:
        patient, hasty = client.with_(timeout=None), client.with_(timeout=5)
        async with asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(caught(who.add())) for who in (client, patient, hasty)]
            calls += [tasks.create_task(caught(listed(who.chat()))) for who in (client, patient, hasty)]
            told = [(await server.call()).timeout_ms for _ in calls]
            server.hang_up(4000)
    # As hello said; none; its own. A stream has none unless said.
    assert told == [None, 0, pytest.approx(5000, abs=100), None, None, pytest.approx(5000, abs=100)]
    assert all(isinstance(call.result(), ConnectionLost) for call in calls)


@pytest.mark.parametrize("seconds", [0, -1.0])
async def test_a_deadline_of_nothing_is_refused(greeted: Greet, seconds: float) -> None:
    async with greeted() as client:
        with pytest.raises(ValueError, match="above 0"):
            client.with_(timeout=seconds)


async def test_a_silent_server_is_not_waited_for(
    greeted: Greet, server: PlayedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "DEADLINE_GRACE_SECONDS", 0.0)
    async with greeted() as client:
        with pytest.raises(RpcError) as raised:
            await client.with_(timeout=0.01).add()
        assert raised.value.code == "DEADLINE_EXCEEDED"
        assert await server.next() == m.Call(1, "add", timeout_ms=10)
        assert await server.next() == m.Cancel(1)


async def test_a_cancelled_caller_waits_for_the_server(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.slow())
        call_id = (await server.call()).id
        call.cancel()
        assert await server.next() == m.Cancel(call_id)
        assert not call.done()
        await server.say(m.Error(call_id, 499, "CANCELLED", pack("")))
        await asyncio.wait({call}, timeout=5)
        assert call.cancelled()


async def test_a_server_that_never_settles_does_not_hold_its_caller_for_ever(
    greeted: Greet, server: PlayedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SETTLE_SECONDS", 0.01)
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.slow())
        await server.call()
        call.cancel()
        await asyncio.wait({call}, timeout=5)
        assert call.cancelled()


async def test_a_stream_is_iterated_and_a_call_awaited(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        wrong = [tasks.create_task(caught(client.chat())), tasks.create_task(caught(client.chat()))]
        streaming, ended = await server.call(), await server.call()
        await server.say(item(streaming.id, 1), m.End(ended.id))
        assert await server.next() == m.Cancel(streaming.id)
        await server.say(m.Error(streaming.id, 499, "CANCELLED", pack("")))
        assert [str(await task) for task in wrong] == ["chat is a stream: use `async for`"] * 2
        wrong = [tasks.create_task(caught(listed(client.add())))]
        await server.answer(await server.call(), 1)
        assert str(await wrong[0]) == "add is no stream: use `await`"


async def test_a_call_is_used_once_and_not_forgotten(greeted: Greet) -> None:
    async with greeted() as client:
        with pytest.warns(RuntimeWarning, match="<call of add> was never awaited"):
            client.add(1)
        call = client.chat()
        aiter(call)
        with pytest.raises(RuntimeError, match="used already"):
            await call


async def test_private_names_are_no_procedures(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        with pytest.raises(AttributeError):
            _ = client._repr_html_
        with pytest.raises(AttributeError):
            _ = client.teams.__wrapped__
        call = tasks.create_task(client["event"](1))
        begun = await server.call()
        assert begun.name == "event"
        await server.answer(begun, None)
        await call
