"""What outlives a connection: a session, its owner, the worker that has it, and the topics it is in (docs/guarantees.md)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from fusewire.beside import beside
from fusewire.broker.port import BrokerError
from fusewire.broker.store import Store
from fusewire.hub.removals import Removals, removed_since
from fusewire.hub.topics import room_of

_OWNER = "owner"
_WORKER = "worker"
"""Fields of a session's record: whose it is, and which worker has it. The others are topics, whose names have a colon."""

BETWEEN_KEEPING = 1 / 3
"""How often a connected session's record is kept for longer, as a part of the time it is kept."""


class Entry(NamedTuple):
    """`mark`: of removal, as it was known when the session joined. `position`: where the topic stood then; None: not known."""

    mark: bytes
    position: str | None

    def pack(self) -> bytes:
        return f"{self.position or ''} ".encode() + self.mark


def _entry(packed: bytes) -> Entry:
    position, _, mark = packed.partition(b" ")
    return Entry(mark, position.decode() or None)


@dataclass(slots=True)
class Session:
    """`id` is the secret of whoever has it: it is told to its own client alone. `topics`: those it has joined; None when it is new and
    nothing is written down. `before`: the worker that had it."""

    id: str
    topics: Mapping[str, Entry] | None = None
    before: str | None = None

    @property
    def joined_at(self) -> dict[str, str]:
        """Where its topics stood when it joined them."""
        topics = self.topics or {}
        return {name: entry.position for name, entry in topics.items() if entry.position is not None}


@dataclass(frozen=True, slots=True)
class Record:
    """What is written down of a session."""

    owner: bytes
    worker: str
    topics: dict[str, Entry] = field(default_factory=dict)

    def is_of(self, owner: str | None) -> bool:
        return self.owner == _owner(owner)


class Sessions:
    """A session is written down when there is something to remember. `seconds`: for how long after its last connection.

    What a call changes it changes for the identity that it began with, in one step: never for somebody who has the session by then.
    """

    def __init__(self, store: Store, seconds: float) -> None:
        self.store = store
        self.worker = secrets.token_hex(6)
        """This one's name, among those that may have a session."""
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

    # Connections

    async def open(self, wanted: str | None, owner: str | None) -> Session:
        """The session that a client asks for, if it is `owner`'s; else a new one. From now on this worker has it."""
        if wanted is not None:
            try:
                found = await self._take_over(wanted, owner)
            except BrokerError:
                # It cannot be looked up: whoever asks starts afresh, and is told so by the other id.
                found = None
            if found is not None:
                return found
        return Session(secrets.token_urlsafe(16))

    async def _take_over(self, wanted: str, owner: str | None) -> Session | None:
        """Raises `BrokerError`."""
        before = await self._change(wanted, {_OWNER: _owner(owner)}, {_WORKER: self.worker.encode()})
        if before is None:
            return None
        record = _record(before)
        topics = await self._still_in(wanted, owner, record.topics)
        return Session(wanted, topics, None if record.worker == self.worker else record.worker)

    async def _still_in(
        self, session_id: str, owner: str | None, topics: dict[str, Entry]
    ) -> dict[str, Entry]:
        """Without the rooms that it was removed from while it was away. Raises `BrokerError`."""
        if owner is None:
            return topics
        rooms = {name: room for name in topics if (room := room_of(name)) is not None}
        marks = await self.removals.marks([(room, owner) for room in rooms.values()])
        removed = [
            name for name, mark in zip(rooms, marks, strict=True) if removed_since(topics[name].mark, mark)
        ]
        await self.store.delete_fields(_key(session_id), removed)
        return {name: entry for name, entry in topics.items() if name not in removed}

    def keep(self, session_id: str) -> None:
        """It is connected here, and written down: that does not run out until it is closed."""
        self._kept.add(session_id)

    def close(self, session_id: str) -> None:
        """Its connection has ended, or is another worker's; what is written down runs out by itself."""
        self._kept.discard(session_id)

    async def hand_over(self, session_id: str, old: str | None, new: str | None) -> None:
        """Its connection has another identity now: from here on it is that one's, and has joined nothing. Raises `BrokerError`."""
        if session_id in self._kept:
            fields = {_OWNER: _owner(new), _WORKER: self.worker.encode()}
            await self._change(session_id, {_OWNER: _owner(old)}, fields, alone=True, absent={})

    # Topics

    async def enter(
        self, session_id: str, owner: str | None, topic: str, position: str | None
    ) -> tuple[bytes, str] | None:
        """Returns the mark of removal that it knows, and the worker that has the session; None when it is not `owner`'s any more.

        Raises `BrokerError`.
        """
        room = room_of(topic)
        mark = b"" if room is None else await self.removals.mark(room, owner)
        mine = {_OWNER: _owner(owner)}
        new = {**mine, _WORKER: self.worker.encode()}
        joined = {topic: Entry(mark, position).pack()}
        before = await self._change(session_id, mine, joined, absent=new)
        if before is None:
            return None
        return mark, _record(before).worker if before else self.worker

    async def exit(self, session_id: str, owner: str | None, topic: str) -> str | None:
        """Returns the worker that has the session; None when there is none of `owner`'s. Raises `BrokerError`."""
        before = await self._change(session_id, {_OWNER: _owner(owner)}, {}, without=(topic,))
        return None if before is None else _record(before).worker

    async def read(self, session_id: str) -> Record | None:
        """Raises `BrokerError`."""
        fields = await self.store.fields(_key(session_id))
        return _record(fields) if fields else None

    async def _change(
        self,
        session_id: str,
        expected: Mapping[str, bytes],
        fields: Mapping[str, bytes],
        *,
        without: tuple[str, ...] = (),
        alone: bool = False,
        absent: Mapping[str, bytes] | None = None,
    ) -> dict[str, bytes] | None:
        return await self.store.change_fields(
            _key(session_id),
            expected,
            fields,
            without=without,
            alone=alone,
            absent=absent,
            ttl_seconds=self._ttl,
        )

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


def _record(fields: Mapping[str, bytes]) -> Record:
    topics = {name: _entry(packed) for name, packed in fields.items() if name not in (_OWNER, _WORKER)}
    return Record(fields[_OWNER], fields[_WORKER].decode(), topics)
