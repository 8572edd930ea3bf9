"""What leaves one connection, which tasks work for it, and that it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from starlette.types import Send

from fusewire.transports.services import Services
from fusewire.transports.websocket.outbox import Outbox
from fusewire.transports.websocket.reply import InFlight
from fusewire.wire.close import CloseCode

FLUSH_SECONDS = 5.0
"""How long a closing connection may take to write what is queued."""

NOTHING: Any = frozenset()
"""A set of nothing, which an idle connection has instead of one of its own."""


class Line:
    """`ended` is done when the connection is over: closed by either side, or lost."""

    __slots__ = (
        "_calls",
        "_close",
        "_flushing",
        "_leading",
        "_send",
        "_tasks",
        "_timer",
        "bounds",
        "ended",
        "outbox",
        "pipeline",
        "services",
    )

    def __init__(self, send: Send, services: Services) -> None:
        self.services = services
        # Asked for by every call.
        self.bounds = services.bounds
        self.pipeline = services.pipeline
        self.outbox = Outbox(
            send, self, bound=self.bounds.outgoing_bytes, frame_bytes=self.bounds.frame_bytes
        )
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._send = send
        self._close: CloseCode | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = NOTHING
        # The calls that wait, by id.
        self._calls: dict[int, InFlight] = {}
        # Whether the task that reads is at work: it flushes when it is about to wait.
        self._leading = False
        self._flushing = False

    # Tasks

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` beside the connection, which waits for it at its end."""
        task = asyncio.create_task(work)  # noqa: TID251  # `_join` waits for it
        self._own(task)
        return task

    def _own(self, task: asyncio.Task[Any]) -> None:
        if self._tasks is NOTHING:
            self._tasks = set()
        self._tasks.add(task)
        task.add_done_callback(self._disown)

    def _disown(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._tasks = NOTHING
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """What no call of an app is answerable for: a broker that is down, or a fault of ours. The peer may come back at once."""
        asyncio.get_running_loop().call_exception_handler(
            {"message": "a connection failed", "exception": error}
        )
        self.shut(CloseCode.GOING_AWAY)

    async def _join(self) -> None:
        """Wait until every task is over. Cancelled, it cancels them."""
        try:
            while self._tasks:
                await asyncio.wait(self._tasks)
        except asyncio.CancelledError:
            for task in self._tasks:
                task.cancel()
            raise

    def _after(self, seconds: float, run: Callable[[], None]) -> None:
        """Set the one timer of the connection: what it waited for before does not count any more."""
        self._wait_no_more()
        self._timer = asyncio.get_running_loop().call_later(seconds, run)

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # What goes out

    def send(self, data: bytes) -> None:
        """Queue a message. It leaves in this turn of the loop, with what else is ready by then."""
        if self.ended.done():
            return
        self.outbox.put(data)
        if self._leading or self._flushing:
            return
        if self._calls:
            # Others may answer in the same turn. A lone reply waits for nobody.
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)
        else:
            self.outbox.flush()

    def _flush(self) -> None:
        self._flushing = False
        self.outbox.flush()

    def push(self, message: bytes) -> None:
        """Queue an event for this peer. There is no waiting for a peer that does not read: it is closed as slow."""
        busy = self._leading or self._flushing or self._calls or self.ended.done()
        if not busy and self.outbox.send_alone(message):
            return
        if self.outbox.fits(message):
            self.send(message)
        else:
            self.too_slow()

    def offer(self, message: bytes, place: Hashable | None) -> None:
        """Queue an ephemeral event. While the socket takes no more it waits behind everything else, and may be dropped."""
        if self.outbox.writer is None:
            self.send(message)
        elif not self.ended.done():
            self.outbox.put_passing(message, place, self.bounds.ephemeral_bytes)

    async def push_patiently(self, message: bytes, wanted: Callable[[], bool]) -> bool:
        """Queue an event when there is room, if it is wanted then. False when it was not, or the connection is over."""
        most = min(self.bounds.stream_bytes, self.bounds.outgoing_bytes)
        await self.outbox.room(most)
        if self.ended.done() or not wanted():
            return False
        self.send(message)
        return True

    def too_slow(self) -> None:
        self.shut(CloseCode.SLOW)

    # The end

    def shut(self, code: CloseCode) -> None:
        """Close it from this side. The first code counts."""
        if not self.ended.done():
            self._close = code
            self.ended.set_result(None)

    def lost(self) -> None:
        """The socket is gone."""
        if not self.ended.done():
            self.ended.set_result(None)

    async def _say_goodbye(self) -> None:
        try:
            if self._close is not None and self._close is not CloseCode.SLOW:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self.outbox.drain()
            self.outbox.abandon()
            if self._close is not None:
                async with asyncio.timeout(1):
                    await self._send(
                        {"type": "websocket.close", "code": int(self._close), "reason": self._close.reason}
                    )
        except (TimeoutError, RuntimeError, OSError):
            # The peer was faster, or does not read; the server ends the socket when the connection is over.
            self.outbox.abandon()
