"""What somebody listens to, and who does. Topics: `user:<id>`, `session:<id>`, `room:<name>`, and `all`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Protocol

from fusewire.errors import TooLarge

ALL = "all"

ROOM_NAME_BYTES = 128
"""Of a room's name in UTF-8."""


def check_room_name(name: str) -> None:
    """Raises `ValueError` for an empty name, and `TooLarge` for one that is too long: callers send such ones."""
    if not name:
        # In a session's record the empty name is its owner's place.
        raise ValueError("a room has a name; this one is empty")
    if len(name) > ROOM_NAME_BYTES or len(name.encode("utf-8", "surrogatepass")) > ROOM_NAME_BYTES:
        raise TooLarge(message=f"A room's name takes at most {ROOM_NAME_BYTES} bytes")


def user_topic(user: str) -> str:
    return f"user:{user}"


def session_topic(session_id: str) -> str:
    return f"session:{session_id}"


def room_topic(room: str) -> str:
    return f"room:{room}"


def room_of(topic: str) -> str | None:
    """The room's name; None for a topic that is no room's."""
    kind, _, name = topic.partition(":")
    return name if kind == "room" else None


CATCHING_UP = ""
"""The state of a member that is being sent what it missed."""


class Member(Protocol):
    """A connection, as far as the hub is concerned."""

    @property
    def session_id(self) -> str: ...

    def push(self, message: bytes) -> None:
        """Queue a message. Never blocks and never raises: a member that cannot keep up closes itself."""
        ...

    def offer(self, message: bytes, place: Hashable | None) -> None:
        """Queue a message that may be dropped when there is no room. Of those with the same place the newest counts."""
        ...

    async def push_patiently(self, message: bytes, wanted: Callable[[], bool]) -> bool:
        """Queue a message when there is room, if it is wanted then. False when it was not, or the member is gone."""
        ...

    def too_slow(self) -> None:
        """Close it. It comes back and is caught up."""
        ...


class Topic:
    """A topic that somebody here listens to.

    `position`: of the last event that this worker knows. `members`: of each None while it is sent everything; `CATCHING_UP`;
    or a position up to which it has everything already.
    """

    __slots__ = ("lock", "members", "name", "position", "subscribed")

    def __init__(self, name: str) -> None:
        self.name = name
        self.position: str | None = None
        self.subscribed = False
        self.members: dict[Member, str | None] = {}
        self.lock: asyncio.Lock | None = None
