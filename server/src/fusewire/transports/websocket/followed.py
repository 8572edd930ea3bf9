"""One stream that outlives its connection, as this connection sees it: it reads the journal, wherever the generator is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from fusewire.calls import Running, failure_of
from fusewire.errors import RpcError
from fusewire.procedures.procedure import Procedure
from fusewire.streams import Kind, Reading, Record
from fusewire.transports.websocket.credit import Credit
from fusewire.transports.websocket.reply import ITEMS_PER_TURN, Line, bounded, error_message
from fusewire.wire import messages as m
from fusewire.wire.codec import pack, pack_positioned, write

FORM = "msgpack"

Find = Callable[[], Awaitable[Reading]]


class PackedForm:
    """The journal's records as this transport writes them. `most`: bytes of an item."""

    name = FORM

    def __init__(self, procedure: Procedure, most: int) -> None:
        self._procedure = procedure
        self._most = most

    def item(self, value: Any) -> bytes:
        assert self._procedure.output is not None
        return bounded(self._procedure.output.packed(value), self._most)

    def error(self, error: RpcError[Any]) -> bytes:
        return write(error_message(0, error))


class FollowedCall:
    """`find` begins the stream, or finds it again. A connection that ends leaves the stream alone; only `cancel` ends it."""

    __slots__ = (
        "_find",
        "_items",
        "_line",
        "_quiet",
        "_reading",
        "credit",
        "done",
        "id",
        "running",
        "upload",
    )

    streams = True

    def __init__(self, call_id: int, find: Find, line: Line) -> None:
        self.id = call_id
        self.done = False
        self.credit: Credit | None = Credit(line.bounds.stream_items, line.bounds.stream_bytes)
        self.upload = None
        self.running: Running
        self._find = find
        self._line = line
        self._items = 0
        self._reading: Reading | None = None
        # Whether the peer wants no more items: what is left is to tell how it ended.
        self._quiet = False

    def begin(self) -> Coroutine[Any, Any, None]:
        return self._follow()

    def waits(self) -> None:
        self._line.keep(self)

    def cancel(self) -> None:
        """The generator is stopped, wherever it runs; the call is settled when its clean-up has run."""
        if self._quiet:
            return
        self._quiet = True
        assert self.credit is not None
        self.credit.lift()
        if self._reading is not None:
            self._line.spawn(self._reading.stop())

    def fail(self, error: RpcError[Any]) -> None:
        """Settle it with an error. Does nothing when it is settled."""
        if not self.done:
            self._line.settle(self, write(error_message(self.id, error)))

    async def _follow(self) -> None:
        try:
            reading = self._reading = await self._find()
            assert self.credit is not None
            reading.overtaken = self.credit.lift
            self._line.send(write(m.Stream(self.id, reading.stream.id)))
            if self._quiet:
                await reading.stop()
            async with aclosing(reading.records()) as records:
                async for record in records:
                    await self._send(record)
        except RpcError as error:
            self.fail(error)
        except Exception as error:  # noqa: BLE001  # a fault of ours ends this call, not the connection
            self.fail(failure_of(error, "a resumable stream"))

    async def _send(self, record: Record) -> None:
        if record.kind is Kind.END:
            self._line.settle(self, write(m.End(self.id)))
        elif record.kind is Kind.ERROR:
            # As it was written, with this call's id in the place of 0.
            self._line.settle(self, record.body[:2] + pack(self.id) + record.body[3:])
        elif not self._quiet:
            await self._item(record)

    async def _item(self, record: Record) -> None:
        # A stream's window, as for other streams.
        most = min(self._line.bounds.stream_bytes, self._line.bounds.outgoing_bytes)
        if self._line.outbox.size >= most:
            await self._line.outbox.room(most)
        position = pack(record.position)
        self._line.send(pack_positioned(self.id, record.body, position))
        self._items += 1
        if self._items % ITEMS_PER_TURN == 0:
            await asyncio.sleep(0)
        assert self.credit is not None
        self.credit.spend(len(record.body))
        if self.credit.spent and not self._quiet:
            await self.credit.wait()
