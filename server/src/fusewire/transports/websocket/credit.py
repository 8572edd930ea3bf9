"""How much more a stream may send before its reader has taken something (PROTOCOL §4)."""

from __future__ import annotations

import asyncio


class Credit:
    """`items` and `size` (bytes) are the window: what is granted beyond it is not kept."""

    __slots__ = ("_bytes", "_granted", "_items", "_most_bytes", "_most_items")

    def __init__(self, items: int, size: int) -> None:
        self._items = self._most_items = items
        self._bytes = self._most_bytes = size
        self._granted: asyncio.Event | None = None

    @property
    def spent(self) -> bool:
        return self._items <= 0 or self._bytes <= 0

    def grant(self, items: int, size: int) -> None:
        self._items = min(self._items + items, self._most_items)
        self._bytes = min(self._bytes + size, self._most_bytes)
        if self._granted is not None and not self.spent:
            self._granted.set()

    def lift(self) -> None:
        """Nobody waits any more: what is left is not sent."""
        self._items, self._bytes = self._most_items, self._most_bytes
        if self._granted is not None:
            self._granted.set()

    def spend(self, size: int) -> None:
        """One item of so many bytes. The bytes may be overdrawn: an item is never cut."""
        self._items -= 1
        self._bytes -= size

    async def wait(self) -> None:
        """Returns when both credits are above zero."""
        while self.spent:
            self._granted = asyncio.Event()
            await self._granted.wait()
        self._granted = None
