"""One call's answers as messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fusewire.errors import TooLarge
from fusewire.procedures.procedure import Procedure
from fusewire.transports.websocket.credit import Credit
from fusewire.wire import messages as m
from fusewire.wire.codec import write
from fusewire.wire.messages import Packed

ITEMS_PER_TURN = 16
"""How many items of a stream may be sent before other tasks get their turn."""


class SocketReply:
    """`settle` takes the last message, `send` the others, `room` returns when there is room for one.

    An item waits for credit after it was sent, before the next is produced.
    """

    def __init__(
        self,
        call_id: int,
        procedure: Procedure,
        *,
        credit: Credit,
        settle: Callable[[m.Result | m.End], None],
        send: Callable[[bytes], None],
        room: Callable[[], Awaitable[None]],
        most: int,
    ) -> None:
        self._id = call_id
        self._procedure = procedure
        self._credit = credit
        self._settle = settle
        self._send = send
        self._room = room
        self._items = 0
        self._most = most

    async def result(self, value: Any) -> None:
        packed = self._packed(value)
        await self._room()
        self._settle(m.Result(self._id, packed))

    async def item(self, value: Any) -> None:
        packed = self._packed(value)
        await self._room()
        self._send(write(m.Item(self._id, packed)))
        self._credit.spend(len(packed))
        self._items += 1
        if self._items % ITEMS_PER_TURN == 0:
            # Neither credit nor room need make it wait: a generator that never does would hold the event loop.
            await asyncio.sleep(0)
        await self._credit.wait()

    async def end(self) -> None:
        self._settle(m.End(self._id))

    def _packed(self, value: Any) -> Packed:
        output = self._procedure.output
        # Only a procedure with transports="http" has none, and this transport does not find it.
        assert output is not None
        packed = output.packed(value)
        if len(packed) > self._most:
            raise TooLarge(message=f"a result of {len(packed)} bytes: at most {self._most}")
        return packed
