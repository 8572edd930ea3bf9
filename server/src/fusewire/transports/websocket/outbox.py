"""What is on its way to one peer: bounded, in order, and joined into frames when it piles up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable


class Outbox:
    """Messages wait here while the socket writes. What is ready together leaves as one frame.

    `bound`: bytes that may wait besides the frame being written; `frame_bytes`: the largest joined frame.
    """

    def __init__(self, write: Callable[[bytes], Awaitable[None]], *, bound: int, frame_bytes: int) -> None:
        self._write = write
        self._bound = bound
        self._frame_bytes = frame_bytes
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._ready = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._finishing = False

    def put(self, message: bytes) -> None:
        """Queue a message. Who has many waits for `room()` first."""
        self._waiting.append(message)
        self._size += len(message)
        self._ready.set()
        if self._size >= self._bound:
            self._room.clear()

    def fits(self, message: bytes) -> bool:
        """Whether there is room for it. A message alone always fits."""
        return not self._waiting or self._size + len(message) <= self._bound

    async def room(self) -> None:
        """Wait until less than the bound is queued. Only one message at a time gets past a full queue."""
        while not self._room.is_set():
            await self._room.wait()

    def finish(self) -> None:
        """No more will come: `run` returns when all is written."""
        self._finishing = True
        self._ready.set()
        self._room.set()

    async def run(self) -> None:
        """Write until finished. Raises what the socket raises when it is gone."""
        while True:
            await self._ready.wait()
            while self._waiting:
                await self._write(self._next_frame())
            if self._finishing:
                return
            self._ready.clear()

    def _next_frame(self) -> bytes:
        parts = [self._waiting.popleft()]
        size = len(parts[0])
        while self._waiting and size + len(self._waiting[0]) <= self._frame_bytes:
            parts.append(self._waiting.popleft())
            size += len(parts[-1])
        self._size -= size
        if self._size < self._bound:
            self._room.set()
        return parts[0] if len(parts) == 1 else b"".join(parts)
