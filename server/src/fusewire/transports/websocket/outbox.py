"""What is on its way to one peer: bounded, in order, and joined into frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from types import MethodType
from typing import Any, Protocol

from starlette.types import Message, Send

from fusewire.calls.running import resumed
from fusewire.transports.websocket.passing import Passing

JOINED_BYTES = 64 * 1024
"""What waits to be joined with more is sent when it has grown to this."""


class Owner(Protocol):
    """Whose outbox it is."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...

    def lost(self) -> None:
        """The socket is gone."""
        ...


class Outbox:
    """Messages wait here until `flush`, and while the socket takes no more. What is ready together leaves as one frame.

    Nobody waits for a write: it is begun where it is asked for, and only when the socket makes it wait does a task finish it.
    `bound`: bytes that may wait besides the frame being written; `frame_bytes`: the largest joined frame.
    """

    __slots__ = (
        "_bound",
        "_frame_bytes",
        "_now",
        "_owner",
        "_passing",
        "_room",
        "_send",
        "_size",
        "_waiting",
        "writer",
    )

    def __init__(self, send: Send, owner: Owner, *, bound: int, frame_bytes: int) -> None:
        self._send: Callable[[Message], Coroutine[Any, Any, None]] = send  # type: ignore[assignment]  # what ASGI servers write
        # How `fusewire.serving` writes, where nothing lies between it and here that wants to see what is sent.
        self._now: Callable[[bytes], bool] | None = (
            getattr(send.__self__, "write_now", None) if type(send) is MethodType else None
        )
        self._bound = bound
        self._frame_bytes = frame_bytes
        self._owner = owner
        self._waiting: list[bytes] = []
        self._size = 0
        self._room: asyncio.Event | None = None
        self._passing: Passing | None = None
        self.writer: asyncio.Task[None] | None = None
        """Finishes a write that the socket made wait."""

    def put(self, message: bytes) -> None:
        """Queue a message. Who has many waits for `room()` first."""
        self._waiting.append(message)
        self._size += len(message)
        if self._size >= JOINED_BYTES:
            self.flush()

    def put_passing(self, message: bytes, place: Hashable | None, bound: int) -> None:
        """Queue a message behind all others, if there is room for it in the end (`Passing`). It takes no room from them."""
        if self._passing is None:
            self._passing = Passing(bound)
        self._passing.put(message, place)

    def fits(self, message: bytes) -> bool:
        """Whether there is room for it. A message alone always fits."""
        return not self._waiting or self._size + len(message) <= self._bound

    @property
    def size(self) -> int:
        """Bytes that wait, besides what is being written."""
        return self._size

    async def room(self, most: int) -> None:
        """Wait until fewer than `most` bytes wait. Only one message at a time gets past that."""
        while self._size >= most:
            if self._room is None:
                self._room = asyncio.Event()
            await self._room.wait()

    def flush(self) -> None:
        """Begin to write what waits. Returns at once."""
        while self.writer is None and (self._waiting or (self._passing is not None and self._let_pass())):
            self._write(self._next_frame())

    def send_alone(self, message: bytes) -> bool:
        """Begin to write a message, if nothing else waits. What is told to thousands takes this way."""
        if self.writer is not None or self._size or self._passing is not None:
            return False
        self._write(message)
        return True

    def _write(self, frame: bytes) -> None:
        try:
            if self._now is not None and self._now(frame):
                return
            writing = self._send({"type": "websocket.send", "bytes": frame})
            waits_for = writing.send(None)
        except StopIteration:
            return
        except (OSError, RuntimeError):
            # The socket is gone; the reader is told the same.
            self.abandon()
            self._owner.lost()
        else:
            self.writer = self._owner.spawn(self._finish(writing, waits_for))

    async def _finish(self, writing: Coroutine[Any, Any, None], waits_for: Any) -> None:
        try:
            await resumed(writing, waits_for)
        except (OSError, RuntimeError):
            self.abandon()
            self._owner.lost()
        finally:
            self.writer = None
        self.flush()

    async def drain(self) -> None:
        """Write all that waits."""
        self.flush()
        while self.writer is not None:
            await asyncio.wait((self.writer,))

    def abandon(self) -> None:
        """Drop what waits."""
        self._waiting.clear()
        self._size = 0
        self._passing = None
        self._make_room()
        if self.writer is not None and self.writer is not asyncio.current_task():
            self.writer.cancel()

    def _let_pass(self) -> bool:
        """Nothing else waits: what waited behind it may leave."""
        assert self._passing is not None
        self._waiting, self._size = self._passing.take()
        self._passing = None
        return True

    def _next_frame(self) -> bytes:
        if self._size <= self._frame_bytes or len(self._waiting) == 1:
            frame = b"".join(self._waiting)
            self._waiting.clear()
            self._size = 0
            self._make_room()
            return frame
        count, size = 1, len(self._waiting[0])
        while size + len(self._waiting[count]) <= self._frame_bytes:
            size += len(self._waiting[count])
            count += 1
        frame = b"".join(self._waiting[:count])
        del self._waiting[:count]
        self._size -= size
        self._make_room()
        return frame

    def _make_room(self) -> None:
        if self._room is not None:
            self._room.set()
            self._room = None
