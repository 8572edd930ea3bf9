"""What outlives a connection: a session, its owner, and the rooms it is in (docs/guarantees.md)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fusewire.beside import beside
from fusewire.broker.port import BrokerError
from fusewire.broker.store import Store
from fusewire.hub.removals import Removals, removed_since

_OWNER = ""
"""The field of a session's record that says whose it is; the others are rooms."""

BETWEEN_KEEPING = 1 / 3
"""How often a connected session's record is kept for longer, as a part of the time it is kept."""


@dataclass(slots=True)
class Session:
    """`id` is the secret of whoever has it: it is told to its own client alone. `rooms`: each with the mark of removal that was known
    when it joined."""

    id: str
    rooms: Mapping[str, bytes] = field(default_factory=dict)


class Sessions:
    """A session is written down when there is something to remember. `seconds`: for how long after its last connection."""

    def __init__(self, store: Store, seconds: float) -> None:
        self.store = store
        self._seconds = seconds
        self.removals = Removals(store, self._ttl)
        self._kept: set[str] = set()

    def __repr__(self) -> str:
        return f"<Sessions {len(self._kept)} kept>"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps the records of the sessions that are connected here."""
        async with beside(self._keep_on()):
            yield

    async def open(self, wanted: str | None, owner: str | None) -> Session:
        """The session that a client asks for, if it is `owner`'s; else a new one."""
        if wanted is not None:
            try:
                found = await self._look_up(wanted, owner)
            except BrokerError:
                # It cannot be looked up: whoever asks starts afresh, and is told so by the other id.
                found = None
            if found is not None:
                self._kept.add(wanted)
                return found
        return Session(secrets.token_urlsafe(16))

    async def _look_up(self, wanted: str, owner: str | None) -> Session | None:
        """Raises `BrokerError`."""
        record = await self.store.fields(_key(wanted))
        if record.pop(_OWNER, None) != _owner(owner):
            return None
        return Session(wanted, await self._still_in(wanted, owner, record))

    async def _still_in(
        self, session_id: str, owner: str | None, rooms: dict[str, bytes]
    ) -> dict[str, bytes]:
        """Without the rooms that it was removed from while it was away. Raises `BrokerError`."""
        if owner is None or not rooms:
            return rooms
        marks = await self.removals.marks([(room, owner) for room in rooms])
        removed = [
            r for (r, joined), mark in zip(rooms.items(), marks, strict=True) if removed_since(joined, mark)
        ]
        await self.store.delete_fields(_key(session_id), removed)
        return {room: joined for room, joined in rooms.items() if room not in removed}

    def close(self, session_id: str) -> None:
        """Its connection has ended; what is written down runs out by itself."""
        self._kept.discard(session_id)

    async def keep(self, session_id: str, owner: str | None) -> None:
        """Write it down. Raises `BrokerError`."""
        if session_id not in self._kept:
            await self._write(session_id, {_OWNER: _owner(owner)})
            self._kept.add(session_id)

    async def hand_over(self, session_id: str, owner: str | None, rooms: Collection[str]) -> None:
        """Its connection has another identity now: from here on it is that one's, and in none of these rooms. Raises `BrokerError`."""
        if session_id in self._kept:
            await self._write(session_id, {_OWNER: _owner(owner)})
            if rooms:
                await self.store.delete_fields(_key(session_id), rooms)

    async def enter(self, session_id: str, owner: str | None, room: str) -> bytes:
        """Returns the mark of removal that it knows. Raises `BrokerError`."""
        mark = await self.removals.mark(room, owner)
        await self._write(session_id, {_OWNER: _owner(owner), room: mark})
        self._kept.add(session_id)
        return mark

    async def rooms(self, session_id: str) -> set[str]:
        """That it is written down to be in. Raises `BrokerError`."""
        record = await self.store.fields(_key(session_id))
        return {*record} - {_OWNER}

    async def exit(self, session_id: str, room: str) -> None:
        """Raises `BrokerError`."""
        await self.store.delete_fields(_key(session_id), (room,))

    async def _write(self, session_id: str, fields: dict[str, bytes]) -> None:
        await self.store.set_fields(_key(session_id), fields, ttl_seconds=self._ttl)

    @property
    def _ttl(self) -> float:
        # While it is connected the record is not renewed at every moment.
        return self._seconds * (1 + BETWEEN_KEEPING)

    async def _keep_on(self) -> None:
        while True:
            await asyncio.sleep(self._seconds * BETWEEN_KEEPING)
            if self._kept:
                try:
                    await self.store.touch([_key(session) for session in self._kept], ttl_seconds=self._ttl)
                except BrokerError:
                    # The next round does it; what runs out until then is a session that its client finds gone.
                    continue


def _key(session_id: str) -> str:
    return f"session:{session_id}"


def _owner(owner: str | None) -> bytes:
    return b"anonymous" if owner is None else b"user:" + owner.encode()
