"""uvicorn's WebSocket protocol, hardened: `uvicorn app:app --ws fusewire.serving:WebSocketProtocol`.

What it adds to uvicorn's own, and why, is told in docs/production.md. Nothing else in the package imports this module, and only
it needs uvicorn and websockets.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from uvicorn._types import ASGIReceiveEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import ProtocolError
from websockets.frames import BINARY, CONT, TEXT, Frame
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from fusewire.wire.close import CloseCode

STEP_BYTES = 16 * 1024
"""What is parsed without a turn for other connections. uvloop hands over megabytes within one turn of its loop."""
STEP_CONTROLS = 50
"""Pings, pongs and closes in one step."""
MESSAGE_FRAGMENTS = 64
"""Fragments of one message, besides one for each `FRAGMENT_BYTES` of it: Chromium cuts what it sends at 131,000 bytes."""
FRAGMENT_BYTES = 16 * 1024

LEAVING_SECONDS = 10.0
"""How long what is still buffered may take when the app is done with a connection; as long as uvicorn waits for the answer to a close."""

DRAIN = "fusewire.drain"
"""The key in the ASGI scope's `extensions` below which a connection's `Drain` lies."""


class Drain:
    """Tells the app behind one connection that the server wants to stop.

    An app that listens promises to end the connection by itself; uvicorn waits for that, for `--timeout-graceful-shutdown` seconds
    at most. An app that does not listen is cut off with close 1012, as everywhere under uvicorn.
    """

    __slots__ = ("_listeners", "requested")

    def __init__(self) -> None:
        self.requested = False
        """Whether the server is stopping."""
        self._listeners: tuple[Callable[[], object], ...] = ()

    def listen(self, callback: Callable[[], object]) -> None:
        """Have `callback` called once, in the event loop's thread, when the server stops; at once if it is stopping already."""
        if self.requested:
            callback()
        else:
            self._listeners += (callback,)

    def request(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Tell the listeners, once. Returns whether there are any."""
        if not self.requested:
            self.requested = True
            for callback in self._listeners:
                # Not called from here: one that raises would keep uvicorn from stopping the other connections.
                loop.call_soon(callback)
        return bool(self._listeners)


class _WithoutQuery(logging.Filter):
    """uvicorn logs the whole target of each handshake, and people put tokens into query strings."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.INFO and isinstance(record.args, tuple):
            record.args = tuple(
                value.partition("?")[0] if isinstance(value, str) else value for value in record.args
            )
        return True


# A child of uvicorn's: its level and handlers apply, the filter touches these records alone.
_logger = logging.getLogger("uvicorn.error.fusewire")
_logger.addFilter(_WithoutQuery())


class _Guarded(ServerProtocol):
    """The parser, which stops at the first frame too many instead of reading on to the end of what was received."""

    def __init__(self, max_size: int) -> None:
        super().__init__(max_size=max_size, logger=_logger)  # no extensions: no permessage-deflate
        self.frames = 0
        self.controls = 0
        self.fragments = 0

    def recv_frame(self, frame: Frame) -> None:
        self.frames += 1
        opcode = frame.opcode
        if opcode is BINARY or opcode is TEXT:
            self.fragments = 1
        elif opcode is CONT:
            self.fragments += 1
            if self.fragments > MESSAGE_FRAGMENTS + (self.current_size or 0) // FRAGMENT_BYTES:
                self._refuse("too many fragments")
        else:
            self.controls += 1
            if self.controls > STEP_CONTROLS:
                self._refuse("too many control frames")
        super().recv_frame(frame)

    def _refuse(self, what: str) -> None:
        self.fail(CloseCode.FLOOD, CloseCode.FLOOD.reason)
        raise ProtocolError(what)  # ends parse(), which finds the connection failed already


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with bounded parsing, without compression and query strings in logs, and with `Drain`."""

    conn: _Guarded

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _logger
        self.conn = _Guarded(config.ws_max_size)
        self.drain = Drain()
        # An heir with a `send` of its own wants to see everything.
        self._is_sent_as_usual = type(self).send is WebSocketsSansIOProtocol.send
        self._backlog = bytearray()  # received and not parsed; reading is paused while there is any
        self._step_scheduled = False
        self._leaving: asyncio.TimerHandle | None = None

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # set when websockets refused the handshake; then there is no scope
            extensions = cast(dict[str, object], self.scope["extensions"])
            extensions[DRAIN] = self.drain

    def shutdown(self) -> None:
        listening = self.drain.request(self.loop)
        if not (listening and self.handshake_complete and not self.close_sent):
            super().shutdown()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        # `transport.close` waits until what is buffered has left: for ever, where the peer reads nothing.
        if not self.disconnected:
            self._leaving = self.loop.call_later(LEAVING_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._leaving is not None:
            self._leaving.cancel()

    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:
            # Before the handshake was answered there is no WebSocket to close yet. uvicorn asserts that there is.
            self.transport.close()
        else:
            super().handle_parser_exception()

    # Reading in steps

    def data_received(self, data: bytes) -> None:
        if not self._backlog and len(data) <= STEP_BYTES:
            self.conn.controls = 0
            super().data_received(data)
            return
        self._backlog += data
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()
        if not self._step_scheduled:
            self._step()

    def write_now(self, data: bytes) -> bool:
        """Send a binary message, if that needs no waiting. False when `send` has to wait, or to say that nobody is there.

        The outbox of a connection of Fusewire's takes this way: without a coroutine, and without websockets' frame object.
        """
        if self.close_sent or self.conn.state is not OPEN or self.disconnected or not self.writable.is_set():
            return False
        if not self._is_sent_as_usual:
            return False
        self.transport.write(_head(len(data)) + data)
        return True

    async def receive(self) -> ASGIReceiveEvent:
        message = self.queue.get_nowait() if self.queue.qsize() else await self.queue.get()
        # While there is a backlog, the next step decides: it would only have to pause again.
        if self.read_paused and not self._backlog and self.queue.empty():
            self.read_paused = False
            self.transport.resume_reading()
        return message

    def _step(self) -> None:
        """Parse up to the end of the step that completes a frame, and leave the rest for the loop's next turn."""
        self._step_scheduled = False
        frames = self.conn.frames
        while self._backlog and frames == self.conn.frames and not self.transport.is_closing():
            step = bytes(self._backlog[:STEP_BYTES])
            del self._backlog[:STEP_BYTES]
            self.conn.controls = 0
            super().data_received(step)
        if self.transport.is_closing():
            self._backlog.clear()
        elif self._backlog:
            self._step_scheduled = True
            self.loop.call_soon(self._step)
        elif self.read_paused and (self.close_sent or self.queue.empty()):
            # After its close the app reads no more, but the peer's answer must still come in.
            self.read_paused = False
            self.transport.resume_reading()


def _head(size: int) -> bytes:
    """Of a binary message in one frame, as a server sends it: without a mask and extensions (RFC 6455 §5.2)."""
    if size < 126:
        return b"\x82" + size.to_bytes(1)
    if size < 1 << 16:
        return b"\x82\x7e" + size.to_bytes(2)
    return b"\x82\x7f" + size.to_bytes(8)
