"""A server that the test plays itself, at a real socket: what a real one does not do on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from fusewire.client.typed import App, BaseClient, Call, Event, RpcError, StreamCall, open_client
from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes, pack, write
from fusewire.wire.frame import read_frame
from fusewire.wire.shapes import Fault
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

PATIENCE_SECONDS = 5
LIMITS = {"max_calls": 2, "max_streams": 1, "heartbeat_ms": 60_000, "stream_items": 4, "stream_bytes": 1000}


class Tick(Event):
    n: int


class Busy(RpcError[int], status=409):
    data: int


ADD: Call[int] = Call(name="add", result=int, args=("a", "b"), http="POST /add")
COUNT: StreamCall[int] = StreamCall(name="count", result=int, args=("to",), http="POST /count")
TOTAL: Call[int] = Call(name="total", result=int, args=("items",), upload="items")
APP = App(calls="hash", ws="/_ws", api="/api", errors=(Busy,), events={Tick: "Tick"})


class Client(BaseClient):
    async def add(self, a: int, b: int = 1) -> int:
        return await self._fuse.call(ADD, {"a": a, "b": b})


def connect(url: str, **options: Any) -> AbstractAsyncContextManager[Client]:
    """Connects again at once, unless told otherwise."""
    return open_client(Client, APP, url, **{"backoff": lambda _: 0.0, **options})


class Link:
    """One connection as the server has it."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.over = asyncio.Event()
        self._incoming: list[m.Message] = []

    async def next(self) -> Any:
        while not self._incoming:
            async with asyncio.timeout(PATIENCE_SECONDS):
                frame = await self.socket.recv()
            assert isinstance(frame, bytes)
            for found, _ in read_frame(frame, Sizes()):
                assert not isinstance(found, Fault), found
                self._incoming.append(found)
        return self._incoming.pop(0)

    async def say(self, *messages: m.Message) -> None:
        await self.socket.send(b"".join(write(message) for message in messages))

    async def welcome(self, *, same: bool = True, session: str = "s", **limits: int) -> m.Hello:
        hello = await self.next()
        assert isinstance(hello, m.Hello)
        await self.say(m.Welcome(session, same, LIMITS | limits))
        return hello

    async def answer(self, value: Any) -> m.Call:
        """Take the next call, and answer it."""
        call = await self.next()
        assert isinstance(call, m.Call), call
        await self.say(m.Result(call.id, pack(value)))
        return call

    async def close(self, code: int) -> None:
        await self.socket.close(code)

    def cut(self) -> None:
        """The network is gone: no close frame, nothing."""
        self.socket.transport.abort()

    async def close_code(self) -> int | None:
        """What the client closes with."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.socket.wait_closed()
        return self.socket.close_code


class PlayedServer:
    """Hands each connection to the test."""

    def __init__(self) -> None:
        self.url = ""
        self.headers: list[dict[str, str]] = []
        self.links: asyncio.Queue[Link] = asyncio.Queue()

    async def link(self) -> Link:
        """The next connection, before its hello."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.links.get()

    async def welcomed(self, **options: Any) -> Link:
        link = await self.link()
        await link.welcome(**options)
        return link

    async def handle(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.headers.append(dict(socket.request.headers.raw_items()))
        link = Link(socket)
        self.links.put_nowait(link)
        await socket.wait_closed()


@pytest.fixture
async def server() -> AsyncIterator[PlayedServer]:
    played = PlayedServer()
    subprotocols = [Subprotocol("fusewire.v1.msgpack")]
    async with serve(
        played.handle, "127.0.0.1", 0, subprotocols=subprotocols, compression=None, close_timeout=0.1
    ) as listening:
        played.url = f"ws://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}"
        yield played
