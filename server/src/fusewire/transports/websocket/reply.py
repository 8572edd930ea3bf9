"""One call on a connection: where its answers go, and what the peer may still say about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol

from starlette.requests import HTTPConnection

from fusewire.bounds import Bounds
from fusewire.calls import Pipeline, Running, packed_data, packed_detail
from fusewire.errors import RpcError, TooLarge
from fusewire.procedures.arguments import bind
from fusewire.procedures.call import Call
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.resolve import Surroundings, Values
from fusewire.procedures.sources import Field
from fusewire.transports.websocket.credit import Credit
from fusewire.transports.websocket.outbox import Outbox
from fusewire.transports.websocket.upload import Upload
from fusewire.wire import messages as m
from fusewire.wire.codec import pack_item, pack_result, write
from fusewire.wire.messages import Packed

ITEMS_PER_TURN = 16
"""How many items of a stream may be sent before other tasks get their turn."""


class InFlight(Protocol):
    """What a connection asks of a call that waits."""

    done: bool
    credit: Credit | None
    running: Running

    @property
    def id(self) -> int: ...

    @property
    def streams(self) -> bool: ...

    @property
    def upload(self) -> Upload | None: ...

    def waits(self) -> None: ...

    def cancel(self) -> None:
        """The peer wants it to end."""
        ...

    def fail(self, error: RpcError[Any]) -> None:
        """Settle it with an error. Does nothing when it is settled."""
        ...


class Line(Protocol):
    """What a call asks of its connection."""

    bounds: Bounds
    outbox: Outbox
    pipeline: Pipeline
    ended: asyncio.Future[None]

    def send(self, data: bytes) -> None: ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...

    def settle(self, call: InFlight, data: bytes) -> None:
        """Send the last message of a call; its id is free from here on."""
        ...

    def keep(self, call: InFlight) -> None:
        """The call waits for something: from now on it can be cancelled."""
        ...


class SocketCall(Surroundings):
    """One call: its `Reply`, and what it is run with. An item waits for credit after it was sent, before the next is produced."""

    __slots__ = (
        "_items",
        "_line",
        "_message",
        "call",
        "credit",
        "done",
        "procedure",
        "running",
        "upload",
    )

    def __init__(self, message: m.Call, procedure: Procedure, call: Call, line: Line) -> None:
        self._message = message
        self._line = line
        self.procedure = procedure
        self.call = call
        self.done = False
        self.credit: Credit | None = None
        self.upload: Upload | None = None
        if procedure.streams:
            self._items = 0
            self.credit = Credit(line.bounds.stream_items, line.bounds.stream_bytes)
        if procedure.upload is not None:
            self.upload = self._upload(procedure.upload)
        self.running: Running

    @property
    def connection(self) -> HTTPConnection:
        return self.call.connection

    @property
    def id(self) -> int:
        return self._message.id

    @property
    def left(self) -> bool:
        return self._line.ended.done()

    def begin(self) -> Coroutine[Any, Any, None]:
        return self._line.pipeline.run(self.procedure, self.call, self, self)

    def read(self) -> Values:
        return bind(self.procedure, self._message.args, self._message.kwargs)

    @property
    def streams(self) -> bool:
        return self.procedure.streams

    def waits(self) -> None:
        self._line.keep(self)

    def cancel(self) -> None:
        self.running.stop()

    async def result(self, value: Any) -> None:
        packed = self._packed(value)
        most = self._line.bounds.outgoing_bytes
        if self._line.outbox.size >= most:
            await self._line.outbox.room(most)
        self._line.settle(self, pack_result(self._message.id, packed))

    async def kept(self, packed: bytes, json: bytes) -> None:
        del json
        await self._line.outbox.room(self._line.bounds.outgoing_bytes)
        self._line.settle(self, pack_result(self._message.id, self._bounded(Packed(packed))))

    async def item(self, value: Any) -> None:
        packed = self._packed(value)
        # A stream's window, not all that may wait: what fills a slow peer's queue is not worth memory that events may need.
        most = min(self._line.bounds.stream_bytes, self._line.bounds.outgoing_bytes)
        if self._line.outbox.size >= most:
            await self._line.outbox.room(most)
        self._line.send(pack_item(self._message.id, packed))
        self._items += 1
        if self._items % ITEMS_PER_TURN == 0:
            # Neither credit nor room need make it wait: a generator that never does would hold the event loop.
            await asyncio.sleep(0)
        assert self.credit is not None
        self.credit.spend(len(packed))
        if self.credit.spent:
            await self.credit.wait()

    async def end(self) -> None:
        self._line.settle(self, write(m.End(self.id)))

    async def error(self, error: RpcError[Any]) -> None:
        self.fail(error)

    def fail(self, error: RpcError[Any]) -> None:
        """Settle it with an error. Does nothing when it is settled."""
        if not self.done:
            self._line.settle(self, write(error_message(self.id, error)))

    def upload_items(self, field: Field) -> AsyncIterator[Any]:
        assert field is self.procedure.upload
        assert self.upload is not None
        return self.upload

    def _upload(self, field: Field) -> Upload:
        bounds = self._line.bounds
        return Upload(field, items=bounds.stream_items, size=bounds.stream_bytes, grant=self._grant)

    def _grant(self, items: int, size: int) -> None:
        if not self.done:
            self._line.send(write(m.Credit(self.id, items, size)))

    def _packed(self, value: Any) -> Packed:
        output = self.procedure.output
        # Only a procedure with transports="http" has none, and this transport does not find it.
        assert output is not None
        return self._bounded(output.packed(value))

    def _bounded(self, packed: Packed) -> Packed:
        return bounded(packed, self._line.bounds.result_bytes)


def bounded(packed: Packed, most: int) -> Packed:
    """A result or an item. Raises `TooLarge` when it is over `most` bytes."""
    if len(packed) > most:
        raise TooLarge(message=f"a result of {len(packed)} bytes: at most {most}")
    return packed


def error_message(call_id: int | None, error: RpcError[Any]) -> m.Error:
    return m.Error(
        call_id,
        error.status,
        error.code,
        packed_detail(error),
        packed_data(error),
        error.id,
    )
