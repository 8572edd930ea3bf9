"""How much more a stream may send before its reader has taken something (PROTOCOL §4)."""

from __future__ import annotations

import asyncio


class Credit:
    """`items` and `size` (bytes) are the window: what is granted beyond it is not kept."""

    def __init__(self, items: int, size: int) -> None:
        self._items = self._most_items = items
        self._bytes = self._most_bytes = size
        self._granted = asyncio.Event()
        self._granted.set()

    def grant(self, items: int, size: int) -> None:
        self._items = min(self._items + items, self._most_items)
        self._bytes = min(self._bytes + size, self._most_bytes)
        self._update()

    def spend(self, size: int) -> None:
        """One item of so many bytes. The bytes may be overdrawn: an item is never cut."""
        self._items -= 1
        self._bytes -= size
        self._update()

    async def wait(self) -> None:
        """Returns at once while both credits are above zero."""
        if not self._granted.is_set():
            await self._granted.wait()

    def _update(self) -> None:
        if self._items > 0 and self._bytes > 0:
            self._granted.set()
        else:
            self._granted.clear()
