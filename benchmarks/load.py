"""The load generator: WebSockets that keep a number of calls in flight, with as little work per call as Python allows.

Frames are masked with zeros (RFC 6455 §5.3 wants a key, not a good one, and the server unmasks all the same), so that a call is
bytes that were made before the measurement began.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket as network
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, TypeVar, cast

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
        await self.until(lambda: self._upgraded)
        if self._dialect.greeting is not None:
            self._transport.write(client_frame(self._dialect.greeting, binary=self._dialect.binary))

    def start(self) -> None:
        self._driven = True
        self._send_free()

    def stop(self) -> None:
        self._driven = False

    async def drained(self) -> None:
        """Until nothing is in flight. Raises what broke the connection."""
        await self.until(lambda: len(self._free) == self._depth)

    def stop_reading(self) -> None:
        """Leave what comes in the kernel's buffers, and then on the server's side."""
        self._transport.pause_reading()

    def write(self, frame: bytes) -> None:
        self._transport.write(frame)

    def close(self) -> None:
        # At once: a peer that does not read would not let the rest go out.
        self._transport.abort()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until something that came in has made it true. Raises TimeoutError, and what broke the connection."""
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
        end = len(data)
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
        if self._driven:
            self._send_free()
        self._turn.set()

    def _take(self, first: int, payload: bytes) -> None:
        if first == 0x81 or first == 0x82:
            ids = self._settled(payload)
            self._free.extend(ids)
            self.count += len(ids)
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


class TimedSocket(Socket):
    """One call at a time, each of them timed."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect, 1, 1)
        self.seconds: list[float] = []
        self._sent: float | None = None

    def stop(self) -> None:
        super().stop()
        self._sent = None

    def _send_free(self) -> None:
        if self._free:
            now = time.perf_counter()
            if self._sent is not None:
                self.seconds.append(now - self._sent)
            self._sent = time.perf_counter()
        super()._send_free()


class Driven(Protocol):
    """What a load needs of a connection. `count`: operations so far."""

    @property
    def count(self) -> int: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    async def drained(self) -> None: ...


class Load:
    """Several connections to one server, driven together."""

    def __init__(self, server: Server, sockets: Sequence[Driven]) -> None:
        self._server = server
        self._sockets = sockets

    async def run(self, seconds: float) -> Slice:
        """Drive for so long, then let what is in flight come home: the next slice shall have the machine to itself."""
        for socket in self._sockets:
            socket.start()
        cpu, count, began = self._server.cpu_seconds(), self._count(), time.perf_counter()
        own = time.process_time()
        await asyncio.sleep(seconds)
        own = time.process_time() - own
        cpu = self._server.cpu_seconds() - cpu
        count = self._count() - count
        took = time.perf_counter() - began
        for socket in self._sockets:
            socket.stop()
        for socket in self._sockets:
            await socket.drained()
        return Slice(count, took, cpu, own)

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
            socket = await connect(server, Socket(dialect, depth, per_frame))
            stack.callback(socket.close)
            sockets.append(socket)
        yield Load(server, sockets)


AnySocket = TypeVar("AnySocket", bound=Socket)


class Address(Protocol):
    """Where to connect, on this machine."""

    @property
    def port(self) -> int: ...


async def connect(server: Address, socket: AnySocket, *, receive_bytes: int | None = None) -> AnySocket:
    """Connect, shake hands and greet. `receive_bytes`: of the kernel's buffer for what is not read yet."""
    plain = network.socket()
    plain.setblocking(False)
    if receive_bytes is not None:
        # Before connecting: the window is agreed upon then.
        plain.setsockopt(network.SOL_SOCKET, network.SO_RCVBUF, receive_bytes)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(plain, ("127.0.0.1", server.port))
    await loop.create_connection(lambda: socket, sock=plain)
    await socket.open(f"127.0.0.1:{server.port}")
    return socket
