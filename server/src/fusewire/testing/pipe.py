"""A bounded queue with an end."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class PipeClosed(Exception):
    """Nothing can be put any more; or everything was taken."""


class Pipe(Generic[T]):
    """At most `most` items wait; who has another waits for room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: deque[T] = deque()
        self._closed = False
        self._changed = asyncio.Event()

    async def put(self, item: T) -> None:
        """Raises `PipeClosed`."""
        while not self._closed and len(self._items) >= self._most:
            await self._changed.wait()
        if self._closed:
            raise PipeClosed
        self._items.append(item)
        self._wake()

    async def get(self) -> T:
        """Raises `PipeClosed` once it is empty."""
        while not self._items:
            if self._closed:
                raise PipeClosed
            await self._changed.wait()
        item = self._items.popleft()
        self._wake()
        return item

    def close(self) -> None:
        """What is in it can still be taken."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        """Everybody who waits looks once; a new Event is for those who come later."""
        self._changed.set()
        self._changed = asyncio.Event()
