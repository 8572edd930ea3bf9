"""What is on its way out: in order, and what was said in one tick as one frame."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from fusewire.client.exchange import Exchange

JOIN_BYTES = 2**20
"""Messages are joined up to here; the server takes one call alone when it is larger (PROTOCOL §3)."""
JOIN_MESSAGES = 512
"""At most, in one frame; the server counts up to 1,024 (PROTOCOL §5)."""


class Outbox:
    """Bounded by who fills it: calls by the server's limits, items by its credit, pongs by its pings."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[bytes, Exchange | None]] = deque()
        self._ready = asyncio.Event()

    def put(self, data: bytes, exchange: Exchange | None = None) -> None:
        """Queue a message; `exchange` learns when it leaves. Nothing to send is no message."""
        if data:
            self._waiting.append((data, exchange))
            self._ready.set()

    async def run(self, send: Callable[[bytes], Awaitable[None]], *, frame_bytes: Callable[[], int]) -> None:
        """Write for ever. Raises what `send` raises."""
        while True:
            await self._ready.wait()
            while self._waiting:
                await send(self._frame(min(JOIN_BYTES, frame_bytes())))
            self._ready.clear()

    def last_words(self) -> bytes:
        """What is said of calls that were sent, such as that nobody wants them any more. Calls that wait here are dropped."""
        words = b"".join(data for data, exchange in self._waiting if exchange is None)
        self._waiting.clear()
        return words

    def _frame(self, most: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while self._waiting and len(parts) < JOIN_MESSAGES:
            data, exchange = self._waiting[0]
            if parts and size + len(data) > most:
                break
            self._waiting.popleft()
            parts.append(data)
            size += len(data)
            if exchange is not None:
                exchange.handed = True
        return b"".join(parts)
