"""A plain peer of the wire protocol over a real socket, for tests that need to see or to break it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import UnionType
from typing import Any

import websockets
from fusewire.transports.websocket import SUBPROTOCOL
from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes, pack, write
from fusewire.wire.frame import read_frame
from fusewire.wire.shapes import Fault

PATIENCE_SECONDS = 10.0


class Peer:
    """Sends what it is told, collects what it gets. `closed` is the close code, once there is one."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._incoming: list[m.Message] = []
        self.frames: list[bytes] = []
        self._skipped: tuple[type, ...] = (m.Ping, m.Topic)

    async def send(self, *messages: m.Message) -> None:
        """All of them as one frame."""
        await self._socket.send(b"".join(write(message) for message in messages))

    async def send_raw(self, data: bytes | str) -> None:
        await self._socket.send(data)

    def show_topics(self) -> None:
        """From now on `next` tells where topics stand, too."""
        self._skipped = (m.Ping,)

    async def next(self, *, patiently: bool = False) -> m.Message:
        """The next message; pings aside, and where topics stand when nobody asks for it. `patiently`: however long it takes."""
        while True:
            while not self._incoming:
                async with asyncio.timeout(None if patiently else PATIENCE_SECONDS):
                    frame = await self._socket.recv()
                assert isinstance(frame, bytes)
                self.frames.append(frame)
                for found, _ in read_frame(frame, Sizes(2**30, 1000, 2**30)):
                    assert not isinstance(found, Fault), found
                    self._incoming.append(found)
            message = self._incoming.pop(0)
            if not isinstance(message, self._skipped):
                return message

    async def until(self, kind: type[Any] | UnionType) -> Any:
        """The next message of a kind; the ones before it are dropped."""
        while not isinstance(message := await self.next(), kind):
            pass
        return message

    async def answer(self, call_id: int) -> m.Result | m.Item | m.End | m.Error:
        """The next message that is about this call; what is about others is dropped."""
        while True:
            message = await self.next()
            if isinstance(message, m.Result | m.Item | m.End | m.Error) and message.id == call_id:
                return message

    async def result(self, message: m.Call | m.Refresh) -> Any:
        """Call (or refresh), and the value of the result. Raises `AssertionError` for an error."""
        await self.send(message)
        answer = await self.answer(message.id)
        assert isinstance(answer, m.Result), answer
        return answer.value

    async def error(self, message: m.Call) -> m.Error:
        """Call, and the error that it ends with. Raises `AssertionError` for a result."""
        await self.send(message)
        answer = await self.answer(message.id)
        assert isinstance(answer, m.Error), answer
        return answer

    async def close_code(self) -> tuple[int, str]:
        """Wait for the server to close."""
        try:
            while True:
                await self.next()
        except websockets.ConnectionClosed as closed:
            received = closed.rcvd
            assert received is not None, "the connection ended without a close frame"
            return received.code, received.reason

    async def close(self) -> None:
        await self._socket.close()

    def cut(self) -> None:
        """The network is gone: no close frame, nothing."""
        self._socket.transport.abort()

    def stop_reading(self) -> None:
        """Take nothing more from the socket: what the server sends piles up."""
        self._socket.transport.pause_reading()

    def read_again(self) -> None:
        self._socket.transport.resume_reading()


def call(call_id: int, name: str, *args: Any, timeout_ms: int | None = None, **kwargs: Any) -> m.Call:
    return m.Call(call_id, name, list(args), kwargs, timeout_ms)


def packed(value: Any) -> m.Packed:
    return pack(value)


@asynccontextmanager
async def connected(
    host: str,
    *,
    token: str | None = None,
    hello: m.Hello | None = None,
    say_hello: bool = True,
    path: str = "/_ws",
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[Peer]:
    """Connect, say hello and wait for welcome (or do neither with `say_hello=False`). `headers` are the handshake's."""
    async with websockets.connect(
        f"ws://{host}{path}",
        subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
        compression=None,
        max_size=2**26,
        additional_headers=headers,
    ) as socket:
        peer = Peer(socket)
        if say_hello:
            credentials = None if token is None else {"token": token}
            await peer.send(hello or m.Hello(credentials=credentials))
            assert isinstance(await peer.next(), m.Welcome)
        yield peer
