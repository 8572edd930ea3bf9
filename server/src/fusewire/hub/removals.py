"""Who was removed from which room: known to every worker, and to those who are away and come back (docs/events.md)."""

from __future__ import annotations

import secrets
from collections.abc import Collection

import msgpack

from fusewire.broker.store import Store

LONGER_SECONDS = 86_400.0
"""For how much longer than a session lives without a connection a removal is noted."""

_LATEST = "removed"


class Removals:
    """A removal has a mark of its own. Who joins again afterwards knows that mark, and so is not affected by it."""

    def __init__(self, store: Store, session_seconds: float) -> None:
        """`session_seconds`: for how long who is away may come back into a room."""
        self._store = store
        self._noted_seconds = session_seconds + LONGER_SECONDS
        self._latest: bytes | None = None

    async def note(self, room: str, user: str) -> bytes:
        """Returns the mark. Raises `BrokerError`."""
        mark = secrets.token_bytes(8)
        await self._store.set(_key(room, user), mark, ttl_seconds=self._noted_seconds)
        await self._store.set(_LATEST, mark, ttl_seconds=self._noted_seconds)
        return mark

    async def mark(self, room: str, user: str | None) -> bytes:
        """Of the last removal of this user from this room; empty without one. Raises `BrokerError`."""
        return b"" if user is None else await self._store.get(_key(room, user)) or b""

    async def marks(self, stays: Collection[tuple[str, str]]) -> list[bytes]:
        """Of many rooms and users, in their order. Raises `BrokerError`."""
        return [mark or b"" for mark in await self._store.get_many([_key(*stay) for stay in stays])]

    async def any_new(self) -> bool:
        """Whether there was a removal since this was last asked. Raises `BrokerError`."""
        before, self._latest = self._latest, await self._store.get(_LATEST)
        return self._latest is not None and before != self._latest


def removed_since(joined: bytes, mark: bytes) -> bool:
    """`joined`: the mark that was known when the session joined."""
    return bool(mark) and mark != joined


def removal_message(user: str, mark: bytes) -> bytes:
    """What workers are told at once, as an event without a name: no app has one."""
    message: bytes = msgpack.packb(["", mark, user])
    return message


def removal_in(message: bytes) -> tuple[str, bytes] | None:
    """The user and the mark; None for an event."""
    name, *rest = msgpack.unpackb(message)
    if name:
        return None
    mark, user = rest
    return user, mark


def _key(room: str, user: str) -> str:
    return f"removed:{len(room)}:{room}:{user}"
