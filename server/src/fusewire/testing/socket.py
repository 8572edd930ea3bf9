"""A WebSocket without a network: the app's ASGI side on one end, a duplex of frames on the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from fusewire.client import ConnectionLost, DuplexClosed
from fusewire.client.tasks import owned_tasks
from fusewire.testing.pipe import Pipe, PipeClosed

QUEUE_FRAMES = 16
"""Frames on their way, in each direction; then the sender waits, as for a network."""
ACCEPT_SECONDS = 10.0
"""From the handshake to the app's answer."""
END_SECONDS = 10.0
"""How long the app may take to finish its calls when the client has left; then it is cancelled."""
ABNORMAL = 1006


@asynccontextmanager
async def open_socket(app: ASGIApp, scope: Scope) -> AsyncIterator[AsgiSocket]:
    """Run the app on a WebSocket of this scope, from its accept until it has returned.

    Raises `ConnectionLost` when the app refused the handshake, and at the end what the app itself raised.
    """
    socket = AsgiSocket()
    async with owned_tasks() as tasks:
        running = tasks.create_task(socket.run(app, scope))
        try:
            await socket.opened()
            yield socket
        finally:
            await socket.close()
            await asyncio.wait({running}, timeout=END_SECONDS)
            running.cancel()
    if socket.crash is not None:
        raise socket.crash


class AsgiSocket:
    """A `Duplex` whose other end is an app."""

    def __init__(self) -> None:
        self.crash: Exception | None = None
        """What the app let through; under a real server it would stand in the log."""
        self._inbound: Pipe[bytes] = Pipe(QUEUE_FRAMES)
        self._outbound: Pipe[bytes] = Pipe(QUEUE_FRAMES)
        self._connect_told = False
        self._accepted = False
        self._denial: dict[str, Any] | None = None
        self._answered = asyncio.Event()
        self._end: tuple[int, str] | None = None

    # The client's end

    async def opened(self) -> None:
        """Wait for the app to accept. Raises `ConnectionLost` when it does not."""
        try:
            async with asyncio.timeout(ACCEPT_SECONDS):
                await self._answered.wait()
        except TimeoutError:
            message = f"the app did not answer the handshake within {ACCEPT_SECONDS:g} s"
            raise ConnectionLost(message, maybe_executed=False) from None
        if not self._accepted:
            raise ConnectionLost(self._refusal(), maybe_executed=False) from self.crash

    async def send(self, data: bytes) -> None:
        try:
            await self._inbound.put(data)
        except PipeClosed:
            raise self._closed() from None

    async def recv(self) -> bytes:
        try:
            return await self._outbound.get()
        except PipeClosed:
            raise self._closed() from self.crash

    async def close(self, code: int = 1000) -> None:
        self._finish(code, "")

    # The app's end

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001  # raised where the client is, see open_socket
            self.crash = error
        finally:
            self._finish(ABNORMAL, "the app ended the connection without closing it")
            self._answered.set()

    async def _receive(self) -> Message:
        if not self._connect_told:
            self._connect_told = True
            return {"type": "websocket.connect"}
        try:
            return {"type": "websocket.receive", "bytes": await self._inbound.get()}
        except PipeClosed:
            code, reason = self._end or (ABNORMAL, "")
            return {"type": "websocket.disconnect", "code": code, "reason": reason}

    async def _send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                self._accepted = True
                self._answered.set()
            case "websocket.send":
                await self._deliver(message["bytes"])
            case "websocket.close":
                self._finish(message.get("code", 1000), message.get("reason") or "")
                self._answered.set()
            case "websocket.http.response.start":
                self._denial = {"status": message["status"], "body": b""}
            case "websocket.http.response.body":
                assert self._denial is not None
                self._denial["body"] += message.get("body", b"")
                if not message.get("more_body"):
                    self._finish(ABNORMAL, "")
                    self._answered.set()

    async def _deliver(self, frame: bytes) -> None:
        try:
            await self._outbound.put(frame)
        except PipeClosed:
            # What the ASGI specification wants of a server whose client has gone.
            raise OSError("the client has gone") from None

    def _finish(self, code: int, reason: str) -> None:
        if self._end is None:
            self._end = code, reason
        self._inbound.close()
        self._outbound.close()

    def _closed(self) -> DuplexClosed:
        return DuplexClosed(*(self._end or (ABNORMAL, "")))

    def _refusal(self) -> str:
        if self._denial is None:
            return "the app did not accept the WebSocket"
        body = self._denial["body"].decode("utf-8", "replace").strip()
        return f"the app answered the handshake with {self._denial['status']}: {body}"
