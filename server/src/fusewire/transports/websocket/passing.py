"""Ephemeral events that a slow peer has no room for: the newest are kept, and few of them."""

from __future__ import annotations

from collections.abc import Hashable


class Passing:
    """`bound`: bytes in all. What goes beyond it pushes out the oldest; one that is larger than all of it is kept alone."""

    __slots__ = ("_bound", "_count", "_messages", "_size")

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._messages: dict[Hashable, bytes] = {}
        self._size = 0
        self._count = 0

    def put(self, message: bytes, place: Hashable | None) -> None:
        """`place`: of the messages with the same one only the newest counts; None for one that has its own."""
        if place is None:
            self._count += 1
            place = self._count
        elif (older := self._messages.pop(place, None)) is not None:
            self._size -= len(older)
        self._messages[place] = message
        self._size += len(message)
        while self._size > self._bound and len(self._messages) > 1:
            self._size -= len(self._messages.pop(next(iter(self._messages))))

    def take(self) -> tuple[list[bytes], int]:
        """All of them, those that waited longest first, and their bytes."""
        return list(self._messages.values()), self._size
