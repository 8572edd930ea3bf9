"""The load generator for HTTP/1.1: connections that are kept, with one request at a time on each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

from benchmarks.load import PATIENCE_SECONDS, Load
from benchmarks.processes import Server


def post(path: str, body: Any) -> bytes:
    """A request with a JSON body, as a client of that host sends it."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Accept: */*",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


class HttpSocket(asyncio.Protocol):
    """Sends the next request when the last one was answered as expected."""

    def __init__(self, request: bytes, expected: bytes) -> None:
        self._request = request
        self._expected = expected
        self._buffer = b""
        self._waiting = False
        self._driven = False
        self._failure: Exception | None = None
        self._turn = asyncio.Event()
        self._transport: asyncio.Transport
        self.count = 0
        """Responses so far."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < len(self._expected):
            return
        if not head.startswith(b"HTTP/1.1 200 ") or body != self._expected:
            self._fail(ValueError(f"not the expected response: {self._buffer[:400]!r}"))
            return
        self._buffer = b""
        self._waiting = False
        self.count += 1
        if self._driven:
            self._send()
        else:
            self._turn.set()

    def start(self) -> None:
        self._driven = True
        self._send()

    def stop(self) -> None:
        self._driven = False

    async def drained(self) -> None:
        """Until the last request is answered. Raises what broke the connection."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self._waiting:
                if self._failure is not None:
                    raise self._failure
                self._turn.clear()
                await self._turn.wait()

    def close(self) -> None:
        self._transport.close()

    def _send(self) -> None:
        self._waiting = True
        self._transport.write(self._request)

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._turn.set()


@asynccontextmanager
async def http_load(
    server: Server, request: bytes, expected: bytes, *, connections: int = 64
) -> AsyncIterator[Load]:
    """Connect; one request is under way on each connection whenever it is driven."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        sockets = []
        for _ in range(connections):
            _, socket = await loop.create_connection(
                lambda: HttpSocket(request, expected), "127.0.0.1", server.port
            )
            stack.callback(socket.close)
            sockets.append(socket)
        yield Load(server, sockets)
