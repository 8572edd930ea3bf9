"""One call's answers as messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fusewire.errors import TooLarge
from fusewire.procedures.procedure import Procedure
from fusewire.transports.websocket.credit import Credit
from fusewire.wire import messages as m
from fusewire.wire.codec import write
from fusewire.wire.messages import Packed


class SocketReply:
    """`settle` takes the last message, `send` the others. An item waits for credit after it was sent, before the next is produced."""

    def __init__(
        self,
        call_id: int,
        procedure: Procedure,
        *,
        credit: Credit,
        settle: Callable[[m.Result | m.End], None],
        send: Callable[[bytes], None],
        most: int,
    ) -> None:
        self._id = call_id
        self._procedure = procedure
        self._credit = credit
        self._settle = settle
        self._send = send
        self._most = most

    async def result(self, value: Any) -> None:
        self._settle(m.Result(self._id, self._packed(value)))

    async def item(self, value: Any) -> None:
        packed = self._packed(value)
        self._send(write(m.Item(self._id, packed)))
        self._credit.spend(len(packed))
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
