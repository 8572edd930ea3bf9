"""How many rooms a session may be in."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import contextmanager

from fusewire.errors import TooManyRooms


class Places:
    """`most`: of one session. What its calls are joining at the moment counts with what it is in."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._joining: dict[str, set[str]] = {}

    @contextmanager
    def take(self, session_id: str, room: str, rooms: Set[str]) -> Iterator[None]:
        """While a session joins a room; `rooms` are those that it is in. Raises `TooManyRooms`."""
        joining = self._joining.setdefault(session_id, set())
        if room not in rooms and len(rooms | joining | {room}) > self._most:
            raise TooManyRooms(message=f"A session is in at most {self._most} rooms; leave one first")
        joining.add(room)
        try:
            yield
        finally:
            joining.discard(room)
            if not joining:
                self._joining.pop(session_id, None)
