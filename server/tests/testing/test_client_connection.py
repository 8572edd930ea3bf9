"""The client's shell against a server that the test plays: from hello to the end."""

import asyncio

import pytest
from fusewire import RpcError
from fusewire.client import ConnectionLost, RemoteError, connection, open_connection
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from .conftest import Greet, PlayedServer
from .support import caught, listed


async def test_hello_says_what_it_goes_by(server: PlayedServer) -> None:
    await server.say(m.Welcome("s", True, {}))
    async with open_connection(server, calls="h", credentials={"token": "t"}, timeout=1.5):
        assert await server.next() == m.Hello("h", None, 1500, {"token": "t"})
    assert server.client_code == 1000


async def test_a_refused_hello_raises_what_the_server_says(server: PlayedServer) -> None:
    await server.say(m.Error(None, 401, "UNAUTHENTICATED", pack("expired")))
    server.hang_up(4501)
    with pytest.raises(RpcError) as raised:
        async with open_connection(server):
            pytest.fail("it was refused")
    assert (raised.value.code, raised.value.status, raised.value.detail) == (
        "UNAUTHENTICATED",
        401,
        "expired",
    )


async def test_a_server_that_does_not_greet(server: PlayedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WELCOME_SECONDS", 0.01)
    with pytest.raises(ConnectionLost, match="no welcome"):
        async with open_connection(server):
            pytest.fail("nobody said welcome")


async def test_a_lost_connection_settles_everything(greeted: Greet, server: PlayedServer) -> None:
    async with greeted(max_calls=1) as client, asyncio.TaskGroup() as tasks:
        sent, waiting = (tasks.create_task(caught(client.add(n))) for n in (1, 2))
        stream = tasks.create_task(caught(listed(client.chat())))
        await server.call(), await server.call()
        server.hang_up(4001)
        errors = [await sent, await waiting, await stream]
        assert [(error.code, error.maybe_executed) for error in errors] == [
            ("CONNECTION_LOST", True),
            ("CONNECTION_LOST", False),
            ("CONNECTION_LOST", True),
        ]
        assert await client.closed() == client.close_code == 4001
        assert client.status == "closed"
        with pytest.raises(ConnectionLost) as raised:
            await client.add(3)
        assert raised.value.maybe_executed is False


async def test_a_call_that_never_left_was_not_executed(greeted: Greet) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(caught(client.add(1)))
        # One turn of the loop: the call is on its way, and the writer has not had its turn.
        await asyncio.sleep(0)
        await client.close()
        error = await call
        assert (type(error), error.maybe_executed) == (ConnectionLost, False)


async def test_what_came_before_the_end_counts(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.add(1))
        await server.answer(await server.call(), "answered")
        server.hang_up(4000)
        assert await call == "answered"


async def test_closing_from_this_side(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(caught(client.add(1)))
        await server.call()
        await client.close()
        assert isinstance(await call, ConnectionLost)
        assert server.client_code == client.close_code == 1000


async def test_a_server_that_breaks_the_protocol_is_left(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client:
        await server.say(m.Hello())
        assert await client.closed() == 4500
    assert server.client_code == 4500


async def test_heartbeats_are_answered(greeted: Greet, server: PlayedServer) -> None:
    async with greeted():
        await server.say(m.Ping())
        assert await server.next() == m.Pong()


async def test_silence_is_the_end(
    greeted: Greet, server: PlayedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SILENCE_GRACE_SECONDS", 0.01)
    async with greeted(heartbeat_ms=1) as client:
        async with asyncio.timeout(5):
            assert await client.closed() == 4002


async def test_goaway_refuses_new_calls_only(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.slow())
        begun = await server.call()
        await server.say(m.GoAway(1000), m.Event("Told", pack(1)))
        assert await client.event("Told") == 1
        assert client.status == "draining"
        with pytest.raises(RpcError) as raised:
            await client.add(1)
        assert raised.value.code == "UNAVAILABLE"
        await server.answer(begun, "finished")
        assert await call == "finished"


async def test_refreshes_run_one_after_the_other(greeted: Greet, server: PlayedServer) -> None:
    async with greeted() as client, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(client.reauthenticate(token="one"))
        second = tasks.create_task(caught(client.reauthenticate(credentials={"key": 2})))
        assert await server.next() == m.Refresh(1, {"token": "one"})
        await server.say(m.Ping())
        assert await server.next() == m.Pong()  # the second waits
        await server.say(m.Result(1, pack(None)))
        await first
        assert await server.next() == m.Refresh(2, {"key": 2})
        await server.say(m.Error(2, 401, "UNAUTHENTICATED", pack("no")))
        server.hang_up(4501)
        error = await second
        assert isinstance(error, RemoteError)
        assert error.code == "UNAUTHENTICATED"
        assert await client.closed() == 4501


async def test_the_block_raises_what_it_raises(greeted: Greet) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with greeted():
            raise KeyError("mine")
