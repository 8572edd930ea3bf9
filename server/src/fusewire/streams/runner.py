"""The generator of one stream at work, whoever reads it: what it yields goes into the journal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fusewire.broker.port import Broker, BrokerError
from fusewire.broker.positions import is_position
from fusewire.calls import Running
from fusewire.errors import Cancelled, DeadlineExceeded, RpcError, StreamLost
from fusewire.streams.hearing import Hearing
from fusewire.streams.journal import Form, Kind, Stream, Unread, retention

log = logging.getLogger("fusewire.streams")

ITEMS_PER_TURN = 16
"""How many items may be written before other tasks get their turn."""

LOOK_SECONDS = 0.2
"""At the least between two looks whether a reader has been away for too long."""


class Runner:
    """A call's `Reply`. `patience`: seconds of the clock `hearing` that it goes on without a reader.

    `begin` makes what runs the call; `timeout`: seconds until its deadline.
    """

    def __init__(
        self,
        stream: Stream,
        broker: Broker,
        form: Form,
        begin: Callable[[Runner], Coroutine[Any, Any, None]],
        *,
        timeout: float | None,
        patience: float,
        hearing: Hearing,
    ) -> None:
        self.stream = stream
        self.done = False
        self._broker = broker
        self._form = form
        self._unread = Unread()
        self._room: asyncio.Event | None = None
        self._items = 0
        self._patience = patience
        self._hearing = hearing
        self._heard = hearing()
        self._timer: asyncio.TimerHandle | None = None
        self._running = Running(lambda: begin(self), lambda: None, timeout)
        self._why: RpcError[Any] | None = None

    def __repr__(self) -> str:
        return f"<Runner {self.stream.procedure} {self.stream.id[:6]}… items={self._items}>"

    async def run(self) -> None:
        """To its end. Raises nothing."""
        if self._why is None:
            self._watch(self._patience)
            try:
                await self._running
                return
            except asyncio.CancelledError:
                # Its own task was cancelled, by `stop` or by its deadline: what is left is to say so.
                pass
            finally:
                if self._timer is not None:
                    self._timer.cancel()
        if not self.done:
            expired = self._running.expired
            await self.error(
                DeadlineExceeded(message="The call's deadline passed")
                if expired
                else self._why or Cancelled(message="The call was cancelled")
            )

    # What it is told

    def taken(self, position: str) -> None:
        """A reader is there, and has everything up to this position."""
        self._heard = self._hearing()
        if is_position(position):
            self._unread.taken(position)
        if self._room is not None and not self._unread.full:
            self._room.set()

    def stop(self, why: RpcError[Any]) -> None:
        if self._why is None:
            self._why = why
            self._running.stop()

    def _watch(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        left = self._heard + self._patience - self._hearing()
        if left > 0:
            # What is left stays the same while nobody can be heard.
            self._watch(max(left, LOOK_SECONDS))
        else:
            self.stop(Cancelled(message="Nobody came back for the stream in time"))

    # What it answers

    async def result(self, value: Any) -> None:
        raise AssertionError(f"a stream has items, not a result: {type(value).__name__}")

    async def kept(self, packed: bytes, json: bytes) -> None:
        raise AssertionError(f"a stream is not kept as a result: {len(packed)} and {len(json)} bytes")

    async def item(self, value: Any) -> None:
        body = self._form.item(value)
        try:
            position = await self._write(Kind.ITEM, body)
        except BrokerError as error:
            raise StreamLost(message="The journal of the stream cannot be written") from error
        self._unread.add(position, len(body))
        self._items += 1
        if self._items % ITEMS_PER_TURN == 0:
            await asyncio.sleep(0)
        while self._unread.full:
            self._room = asyncio.Event()
            await self._room.wait()
        self._room = None

    async def end(self) -> None:
        await self._finish(Kind.END, b"")

    async def error(self, error: RpcError[Any]) -> None:
        await self._finish(Kind.ERROR, self._form.error(error))

    async def _finish(self, kind: Kind, body: bytes) -> None:
        self.done = True
        self._running.disarm()
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._write(kind, body)
        except BrokerError:
            # Whoever reads finds that nobody is at work on it.
            log.warning("! the end of %r could not be written", self, exc_info=True)

    async def _write(self, kind: Kind, body: bytes) -> str:
        kept = retention(self.stream.seconds, self._unread.keep(len(body)))
        position = await self._broker.publish(self.stream.topic, kind.value + body, kept)
        assert position is not None, "what is kept has a position"
        return position
