"""Calls that are sent again when no answer came, against servers that the test plays."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fusewire.client import retrying
from fusewire.client.typed import Call, ConnectionLost, RpcError
from fusewire.errors import DeadlineExceeded, Unauthenticated, Unavailable
from fusewire.wire import messages as m
from fusewire.wire.codec import pack

from .conftest import ADD, PlayedServer, connect

PUT: Call[int] = Call(name="put", result=int, args=("value",), http="POST /put", retry=True)
PAY: Call[int] = Call(name="pay", result=int, args=("order",), http="POST /pay", retry=True, dedupe=True)


@asynccontextmanager
async def under_way(*calls: Coroutine[Any, Any, int]) -> AsyncIterator[list[asyncio.Task[int]]]:
    tasks = [asyncio.get_running_loop().create_task(call) for call in calls]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# Over WebSocket


async def test_it_is_sent_on_the_next_connection(server: PlayedServer) -> None:
    async with connect(server.url) as client, under_way(client._fuse.call(PUT, {"value": 1})) as (call,):
        link = await server.welcomed()
        first = await link.next()
        link.cut()
        again = await (await server.welcomed()).answer(7)
        assert (again.name, again.args, again.key) == (first.name, first.args, None)
        assert await call == 7


async def test_one_key_is_for_all_attempts_of_one_call(server: PlayedServer) -> None:
    async with connect(server.url) as client:
        one, other = (client._fuse.call(PAY, {"order": "A1"}) for _ in range(2))
        async with under_way(one, other) as calls:
            attempts = []
            for _ in range(3):
                link = await server.welcomed()
                attempts.append({(await link.next()).key for _ in calls})
                link.cut()
            link = await server.welcomed()
            attempts.append({(await link.answer(7)).key for _ in calls})
            assert [await call for call in calls] == [7, 7]
        keys = attempts[0]
        assert attempts == [keys] * 4
        assert len(keys) == 2
        assert all(len(key) >= 16 for key in keys)


async def test_it_is_sent_three_times_more_and_then_lost(server: PlayedServer) -> None:
    async with connect(server.url) as client, under_way(client._fuse.call(PUT, {"value": 1})) as (call,):
        for _ in range(4):
            link = await server.welcomed()
            assert (await link.next()).name == "put"
            link.cut()
        with pytest.raises(ConnectionLost) as raised:
            await call
        assert raised.value.maybe_executed
        async with under_way(client.add(1)):
            assert (await (await server.welcomed()).answer(2)).name == "add"


async def test_what_is_not_marked_is_sent_once(server: PlayedServer) -> None:
    async with connect(server.url) as client, under_way(client._fuse.call(ADD, {"a": 1})) as (call,):
        link = await server.welcomed()
        assert (await link.next()).name == "add"
        link.cut()
        with pytest.raises(ConnectionLost) as raised:
            await call
        assert raised.value.maybe_executed
        async with under_way(client._fuse.call(PUT, {"value": 1})):
            assert (await (await server.welcomed()).answer(2)).name == "put"


async def test_its_time_passes_while_there_is_no_connection(server: PlayedServer) -> None:
    async with (
        connect(server.url, backoff=lambda _: 60.0, timeout=0.2) as client,
        under_way(client._fuse.call(PUT, {"value": 1})) as (call,),
    ):
        link = await server.welcomed()
        await link.next()
        link.cut()
        with pytest.raises(DeadlineExceeded) as raised:
            await call
        assert isinstance(raised.value.__cause__, ConnectionLost)
        assert raised.value.__cause__.maybe_executed


async def test_a_caller_that_leaves_is_the_end_of_it(server: PlayedServer) -> None:
    async with (
        connect(server.url, backoff=lambda _: 0.05) as client,
        under_way(client._fuse.call(PUT, {"value": 1})) as (call,),
    ):
        link = await server.welcomed()
        await link.next()
        link.cut()
        # Until the client has seen it.
        while client.status.state == "connected":  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0)
        call.cancel()
        async with under_way(client.add(1)):
            assert (await (await server.welcomed()).answer(2)).name == "add"
        assert call.cancelled()


async def test_when_the_client_is_closed_it_may_have_run(server: PlayedServer) -> None:
    async with (
        connect(server.url, backoff=lambda _: 60.0) as client,
        under_way(client._fuse.call(PUT, {"value": 1})) as (call,),
    ):
        link = await server.welcomed()
        await link.next()
        link.cut()
        while client.status.state == "connected":  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0)
        await client.close()
        with pytest.raises(ConnectionLost, match="the client was closed") as raised:
            await call
        assert raised.value.maybe_executed
        with pytest.raises(ConnectionLost) as late:
            await client.add(1)
        assert not late.value.maybe_executed


async def test_a_refused_identity_ends_it(server: PlayedServer) -> None:
    async with connect(server.url) as client, under_way(client._fuse.call(PUT, {"value": 1})) as (call,):
        link = await server.welcomed()
        await link.next()
        link.cut()
        refusing = await server.link()
        await refusing.next()
        await refusing.say(m.Error(None, 401, "UNAUTHENTICATED", pack("who?")))
        await refusing.close(4501)
        with pytest.raises(Unauthenticated) as raised:
            await call
        assert isinstance(raised.value.__cause__, ConnectionLost)


async def test_what_the_last_attempt_is_answered_has_the_lost_one_as_its_cause(server: PlayedServer) -> None:
    async with connect(server.url) as client, under_way(client._fuse.call(PUT, {"value": 1})) as (call,):
        link = await server.welcomed()
        await link.next()
        link.cut()
        last = await server.welcomed()
        await last.say(m.Error((await last.next()).id, 404, "NOT_FOUND", pack("gone")))
        with pytest.raises(RpcError) as raised:
            await call
        assert raised.value.code == "NOT_FOUND"
        assert isinstance(raised.value.__cause__, ConnectionLost)


# Over HTTP


class PlayedRoutes:
    """Cuts so many requests, and then answers with msgpack."""

    def __init__(self, *, cuts: int, status: int = 200, value: Any = 7) -> None:
        self.heads: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.cut = asyncio.Event()
        self._cuts = cuts
        self._status = status
        self._value = value
        self._listening: asyncio.Server | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as listening:
            self._listening = listening
            yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """Listen no more."""
        assert self._listening is not None, "inside running()"
        self._listening.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[1:-1]
            head = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            self.bodies.append(await reader.readexactly(int(head.get("content-length", 0))))
            self.heads.append(head)
            if len(self.heads) <= self._cuts:
                self.cut.set()
                writer.transport.abort()
                return
            body = pack(self._value)
            told = f"content-type: application/msgpack\r\ncontent-length: {len(body)}\r\nconnection: close"
            writer.write(f"HTTP/1.1 {self._status} X\r\n{told}\r\n\r\n".encode() + body)
            await writer.drain()
        finally:
            writer.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0.005)


@pytest.mark.usefixtures("quick")
async def test_over_http_it_is_sent_again_after_a_pause() -> None:
    routes = PlayedRoutes(cuts=3)
    async with routes.running() as url, connect(url, transport="http", timeout=10.0) as client:
        assert await client._fuse.call(PAY, {"order": "A1"}) == 7
        assert await client._fuse.call(PUT, {"value": 1}) == 7
    keys = [head.get("idempotency-key") for head in routes.heads]
    assert len({*keys[:4]}) == 1
    assert len(keys[0] or "") >= 16
    assert keys[4:] == [None]
    assert {*routes.bodies[:4]} == {pack({"order": "A1"})}
    times = [int(head["fusewire-timeout"]) for head in routes.heads[:4]]
    assert times == sorted(times, reverse=True)
    assert times[3] < times[0] <= 10_000


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("procedure", "sent"), [(PUT, 4), (ADD, 1)])
async def test_over_http_it_is_sent_three_times_more_and_then_lost(procedure: Call[int], sent: int) -> None:
    routes = PlayedRoutes(cuts=9)
    async with routes.running() as url, connect(url, transport="http") as client:
        with pytest.raises(ConnectionLost) as raised:
            await client._fuse.call(procedure, {})
        assert raised.value.maybe_executed
    assert len(routes.heads) == sent


async def test_over_http_an_answer_is_an_answer() -> None:
    routes = PlayedRoutes(cuts=0, status=503, value={"code": "UNAVAILABLE", "detail": "away"})
    async with routes.running() as url, connect(url, transport="http") as client:
        with pytest.raises(Unavailable):
            await client._fuse.call(PAY, {"order": "A1"})
    assert len(routes.heads) == 1


@pytest.mark.usefixtures("quick")
async def test_over_http_a_server_that_is_gone_afterwards_does_not_make_it_unsent() -> None:
    routes = PlayedRoutes(cuts=1)
    async with routes.running() as url, connect(url, transport="http") as client:
        stays = asyncio.get_running_loop().create_task(client._fuse.call(PUT, {}))
        await routes.cut.wait()
        routes.stop()
        with pytest.raises(ConnectionLost) as raised:
            await stays
        assert raised.value.maybe_executed
        # One that could not be sent at all was not.
        with pytest.raises(ConnectionLost) as never:
            await client._fuse.call(PUT, {})
        assert not never.value.maybe_executed
    assert len(routes.heads) == 1


async def test_over_http_its_time_passes_in_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_SECONDS", 60.0)
    routes = PlayedRoutes(cuts=9)
    async with routes.running() as url, connect(url, transport="http", timeout=0.1) as client:
        with pytest.raises(DeadlineExceeded) as raised:
            async with asyncio.timeout(10):
                await client._fuse.call(PUT, {})
        assert isinstance(raised.value.__cause__, ConnectionLost)
    assert len(routes.heads) == 1


async def test_over_http_a_closed_client_ends_the_pause() -> None:
    routes = PlayedRoutes(cuts=9)
    async with (
        routes.running() as url,
        connect(url, transport="http") as client,
        under_way(client._fuse.call(PUT, {})) as (call,),
    ):
        await routes.cut.wait()
        await client.close()
        with pytest.raises(ConnectionLost) as raised:
            await call
        assert raised.value.maybe_executed
    assert len(routes.heads) == 1
