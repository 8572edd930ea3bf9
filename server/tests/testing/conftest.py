"""A server that the test plays itself, for what a real one does not do on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from fusewire.client import Client, DuplexClosed, open_connection
from fusewire.testing.pipe import Pipe, PipeClosed
from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes, pack, write
from fusewire.wire.frame import read_frame
from fusewire.wire.shapes import Fault

from .world import World

LIMITS = {
    "heartbeat_ms": 60_000,
    "max_message_bytes": 2**20,
    "max_frame_bytes": 2**21,
    "max_calls": 2,
    "max_streams": 1,
    "stream_items": 4,
    "stream_bytes": 1000,
}


class PlayedServer:
    """The other end of a `Duplex`."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.client_code: int | None = None
        self._to_client: Pipe[bytes] = Pipe(100)
        self._to_server: Pipe[bytes] = Pipe(100)
        self._incoming: list[m.Message] = []
        self._code = 1006

    async def next(self) -> m.Message:
        while not self._incoming:
            async with asyncio.timeout(5):
                frame = await self._to_server.get()
            self.frames.append(frame)
            for found, _size in read_frame(frame, Sizes()):
                assert not isinstance(found, Fault), found
                self._incoming.append(found)
        return self._incoming.pop(0)

    async def call(self) -> m.Call:
        message = await self.next()
        assert isinstance(message, m.Call), message
        return message

    async def say(self, *messages: m.Message) -> None:
        await self._to_client.put(b"".join(write(message) for message in messages))

    async def answer(self, call: m.Call, value: Any) -> None:
        await self.say(m.Result(call.id, pack(value)))

    def hang_up(self, code: int) -> None:
        self._code = code
        self._to_client.close()

    # Duplex

    async def send(self, data: bytes) -> None:
        await self._to_server.put(data)

    async def recv(self) -> bytes:
        try:
            return await self._to_client.get()
        except PipeClosed:
            raise DuplexClosed(self._code) from None

    async def close(self, code: int = 1000) -> None:
        if self.client_code is None:
            self.client_code = code
        self._to_client.close()
        self._to_server.close()


def item(call_id: int, value: Any) -> m.Item:
    return m.Item(call_id, pack(value))


Greet = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def server() -> PlayedServer:
    return PlayedServer()


@pytest.fixture
def greeted(server: PlayedServer) -> Greet:
    """A client that the played server has welcomed."""

    @asynccontextmanager
    async def connect(*, timeout: float | None = None, **limits: int) -> AsyncIterator[Client]:  # noqa: ASYNC109  # of the calls
        await server.say(m.Welcome("s", True, LIMITS | limits))
        async with open_connection(server, calls="h", timeout=timeout) as connection:
            assert isinstance(await server.next(), m.Hello)
            yield Client(connection)

    return connect


@pytest.fixture
async def world() -> World:
    return World()
