"""A uvicorn with our protocol class in the test's own event loop, and a peer that may send any bytes."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn
from fusewire.serving import WebSocketProtocol
from starlette.types import ASGIApp, Receive, Scope, Send

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts, and sends back what it gets."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": message["bytes"]})


class Server(uvicorn.Server):
    """A running server; `port` is where. `should_exit = True` stops it, as a signal would."""

    port: int

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals are pytest's.
        yield

    @property
    def protocols(self) -> list[WebSocketProtocol]:
        return [each for each in self.server_state.connections if isinstance(each, WebSocketProtocol)]


@asynccontextmanager
async def serving(app: ASGIApp, **options: Any) -> AsyncIterator[Server]:
    """Serve until the block ends. `options` are `uvicorn.Config`'s."""
    settings: dict[str, Any] = {
        "ws": "fusewire.serving:WebSocketProtocol",
        "log_config": None,
        "lifespan": "off",
        "timeout_graceful_shutdown": 5,
    }
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(uvicorn.Config(app, **settings | options))
    server.port = listener.getsockname()[1]
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server.serve(sockets=[listener]))
        while not server.started and not running.done():  # noqa: ASYNC110  # uvicorn offers no event
            await asyncio.sleep(0.001)
        try:
            yield server
        finally:
            server.should_exit = True


def frame(opcode: int, data: bytes = b"", *, fin: bool = True) -> bytes:
    """One frame as a client sends it, masked with zeros."""
    if len(data) < 126:
        size = struct.pack("!B", 0x80 | len(data))
    elif len(data) < 65536:
        size = struct.pack("!BH", 0x80 | 126, len(data))
    else:
        size = struct.pack("!BQ", 0x80 | 127, len(data))
    return bytes([(0x80 if fin else 0) | opcode]) + size + bytes(4) + data


def message_of(fragments: list[bytes]) -> bytes:
    """One binary message, cut into these fragments."""
    last = len(fragments) - 1
    return b"".join(
        frame(CONT if index else BINARY, data, fin=index == last) for index, data in enumerate(fragments)
    )


class Peer:
    """A client without manners."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: str) -> None:
        self._reader = reader
        self._writer = writer
        self.answer = answer
        """The head of the handshake's answer."""

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload. Raises `IncompleteReadError` or `ConnectionError` at the connection's end."""
        head, size = await self._reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return head & 0x0F, await self._reader.readexactly(size)

    async def close_code(self) -> int:
        """Of the frame that must come next."""
        opcode, data = await self.frame()
        assert opcode == CLOSE, (opcode, data)
        return int.from_bytes(data[:2])

    async def ended(self) -> None:
        """Wait for the end of the connection, by whatever means."""
        try:
            while await self._reader.read(65536):
                pass
        except ConnectionError:
            pass

    async def echo(self, data: bytes = b"hello") -> None:
        self.write(frame(BINARY, data))
        assert await self.frame() == (BINARY, data)


@asynccontextmanager
async def connected(
    port: int, *, path: str = "/", headers: str = "", answered: bool = True
) -> AsyncIterator[Peer]:
    """A connection after its handshake; without `answered`, before the server's answer to it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{headers}"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    try:
        answer = (await reader.readuntil(b"\r\n\r\n")).decode() if answered else ""
        assert not answered or " 101 " in answer.splitlines()[0], answer
        yield Peer(reader, writer, answer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
