"""The load generator: WebSockets that keep a number of calls in flight, with as little work per call as Python allows.

Frames are masked with zeros (RFC 6455 §5.3 wants a key, not a good one, and the server unmasks all the same), so that a call is
bytes that were made before the measurement began.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

from benchmarks.dialects import Dialect
from benchmarks.harness import Slice
from benchmarks.processes import Server

PATIENCE_SECONDS = 20.0


def client_frame(payload: bytes, *, binary: bool) -> bytes:
    """A whole message as one frame from a client."""
    first = 0x82 if binary else 0x81
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 2**16:
        head = bytes((first, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


class Socket(asyncio.Protocol):
    """One WebSocket. `depth` calls are in flight while it is driven, `per_frame` of them sent together."""

    def __init__(self, dialect: Dialect, depth: int, per_frame: int) -> None:
        self._dialect = dialect
        self._settled = dialect.settled
        self._per_frame = per_frame
        self._calls = {number: dialect.call(number) for number in range(1, depth + 1)}
        self._frames = {
            number: client_frame(call, binary=dialect.binary) for number, call in self._calls.items()
        }
        self._free = list(self._calls)
        self._depth = depth
        self._buffer = b""
        self._upgraded = False
        self._driven = False
        self._failure: Exception | None = None
        self._turn = asyncio.Event()
        self._transport: asyncio.Transport
        self.count = 0
        """Results so far."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        try:
            self._receive(self._buffer + data if self._buffer else data)
        except Exception as error:  # noqa: BLE001  # told to whoever waits; here it would only be logged
            self._fail(error)
            self._transport.close()

    async def open(self, host: str) -> None:
        """Shake hands and greet. The answer to the greeting is no call: it is read with the first results."""
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {self._dialect.path} HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        if self._dialect.subprotocol:
            lines.append(f"Sec-WebSocket-Protocol: {self._dialect.subprotocol}")
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._wait(lambda: self._upgraded)
        if self._dialect.greeting is not None:
            self._transport.write(client_frame(self._dialect.greeting, binary=self._dialect.binary))

    def start(self) -> None:
        self._driven = True
        self._send_free()

    def stop(self) -> None:
        self._driven = False

    async def drained(self) -> None:
        """Until nothing is in flight. Raises what broke the connection."""
        await self._wait(lambda: len(self._free) == self._depth)

    async def one(self) -> None:
        """One call and its result."""
        self._transport.write(self._frames[self._free.pop()])
        await self.drained()

    def close(self) -> None:
        self._transport.close()

    async def _wait(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                if self._failure is not None:
                    raise self._failure
                self._turn.clear()
                await self._turn.wait()

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._turn.set()

    def _receive(self, data: bytes) -> None:
        start = 0
        if not self._upgraded:
            start = data.find(b"\r\n\r\n") + 4
            if start < 4:
                self._buffer = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                raise ConnectionError(data[:200].decode("latin-1"))
            self._upgraded = True
        before, end = len(self._free), len(data)
        while end - start >= 2:
            first, size = data[start], data[start + 1]
            body = start + 2
            if size >= 126:
                body += 2 if size == 126 else 8
                size = int.from_bytes(data[start + 2 : body], "big")
            if body + size > end:
                break
            start = body + size
            self._take(first, data[body:start])
        self._buffer = data[start:]
        self.count += len(self._free) - before
        if self._driven:
            self._send_free()
        else:
            self._turn.set()

    def _take(self, first: int, payload: bytes) -> None:
        if first == 0x81 or first == 0x82:
            self._free.extend(self._settled(payload))
            if (reply := self._dialect.reply(payload)) is not None:
                self._transport.write(client_frame(reply, binary=self._dialect.binary))
        elif first == 0x89:
            self._transport.write(b"\x8a" + client_frame(payload, binary=True)[1:])
        else:
            raise ConnectionError(f"frame {first:#x}: {payload!r}")

    def _send_free(self) -> None:
        free, group = self._free, self._per_frame
        if group == 1:
            self._transport.write(b"".join(map(self._frames.__getitem__, free)))
            free.clear()
            return
        frames = []
        while len(free) >= group:
            calls = [self._calls[number] for number in free[-group:]]
            del free[-group:]
            frames.append(client_frame(self._dialect.join(calls), binary=self._dialect.binary))
        self._transport.write(b"".join(frames))


class Load:
    """Several sockets to one server, driven together."""

    def __init__(self, server: Server, sockets: list[Socket]) -> None:
        self._server = server
        self._sockets = sockets

    async def run(self, seconds: float) -> Slice:
        """Drive for so long, then let what is in flight come home: the next slice shall have the machine to itself."""
        for socket in self._sockets:
            socket.start()
        cpu, count, began = self._server.cpu_seconds(), self._count(), time.perf_counter()
        await asyncio.sleep(seconds)
        cpu, count, took = (
            self._server.cpu_seconds() - cpu,
            self._count() - count,
            time.perf_counter() - began,
        )
        for socket in self._sockets:
            socket.stop()
        for socket in self._sockets:
            await socket.drained()
        return Slice(count, took, cpu)

    def _count(self) -> int:
        return sum(socket.count for socket in self._sockets)


@asynccontextmanager
async def load(
    server: Server, dialect: Dialect, *, connections: int = 8, depth: int = 64, per_frame: int = 1
) -> AsyncIterator[Load]:
    """Connect, with `depth` calls in flight on each connection whenever it is driven."""
    async with AsyncExitStack() as stack:
        sockets = []
        for _ in range(connections):
            socket = await connect(server, dialect, depth=depth, per_frame=per_frame)
            stack.callback(socket.close)
            sockets.append(socket)
        yield Load(server, sockets)


async def connect(server: Server, dialect: Dialect, *, depth: int = 1, per_frame: int = 1) -> Socket:
    _, socket = await asyncio.get_running_loop().create_connection(
        lambda: Socket(dialect, depth, per_frame), "127.0.0.1", server.port
    )
    await socket.open(f"127.0.0.1:{server.port}")
    return socket
