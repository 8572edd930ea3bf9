"""Who is in a room, as all workers have it written down in the store.

A record for each member of each room says which connections hold it there, and at which worker. It changes by comparing and replacing, so
of all the workers exactly one sees a member come, and exactly one sees it go. A worker's connections count while its lease runs.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgpack
from pydantic import BaseModel

from fusewire.broker.store import Store

KEPT_SECONDS = 600.0
"""For how long a record is kept that nobody touches."""

AT_A_TIME = 500
"""How many records are read in one step."""

_EMPTY = b""
"""The record of a member that went. It is not deleted, so that nothing comes between reading and deleting it."""


class Present(BaseModel):
    """One who is in a room. `member` names it there, and is no secret; `user` is None for an anonymous session."""

    member: str
    user: str | None
    since: datetime


class Joined(Present):
    """Somebody came into a room. Register it (`rpc.event(Joined)`), and the room's sessions are told."""

    room: str


class Left(Present):
    """Somebody who was in a room since then went, or was away for too long. Register it as `Joined`."""

    room: str


@dataclass(frozen=True, slots=True)
class Stay:
    """One session in one room. `user`: whose it is."""

    session: str
    room: str
    user: str | None

    @property
    def ref(self) -> str:
        """Names the session in records without giving it away."""
        return hashlib.blake2b(self.session.encode(), digest_size=9).hexdigest()

    @property
    def member(self) -> str:
        return f"user:{self.user}" if self.user is not None else f"guest:{self.ref}"


@dataclass(slots=True)
class _Record:
    since: int
    held: dict[str, str] = field(default_factory=dict)
    """The session's ref, and the worker that has it."""

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb([self.since, self.held]) if self.held else _EMPTY
        return packed


def _record(stored: bytes | None) -> _Record:
    return _Record(*msgpack.unpackb(stored)) if stored else _Record(int(time.time() * 1000))


class Attendance:
    """As one worker sees and changes it. Every method raises `BrokerError`."""

    def __init__(self, store: Store, worker: str) -> None:
        self._store = store
        self._worker = worker

    # The worker

    async def keep_lease(self, seconds: float) -> bool:
        """This worker lives. False when its lease had run out: others may have taken its members for gone."""
        lease = _lease(self._worker)
        if await self._store.replace(lease, b"1", b"1", ttl_seconds=seconds):
            return True
        # In this order: who is on the list without a lease is dead.
        await self._store.set(lease, b"1", ttl_seconds=seconds)
        await self._store.set_fields("workers", {self._worker: b""}, ttl_seconds=KEPT_SECONDS)
        return False

    async def touch(self, stays: Collection[Stay]) -> None:
        """Keep what is written down of these, and of this worker."""
        keys = {_room(stay.room) for stay in stays} | {_member(stay.room, stay.member) for stay in stays}
        await self._store.touch([*keys, _held(self._worker), "workers"], ttl_seconds=KEPT_SECONDS)

    async def dead(self) -> list[str]:
        """The workers whose lease ran out, and of whom something is still written down."""
        workers = sorted(await self._store.fields("workers"))
        leases = await self._store.get_many([_lease(worker) for worker in workers])
        return [worker for worker, lease in zip(workers, leases, strict=True) if lease is None]

    async def bury(self, worker: str) -> list[Left]:
        """Take out what a dead worker held. Returns who is not in a room any more."""
        gone = []
        for packed in await self._store.fields(_held(worker)):
            room, member, ref = json.loads(packed)
            if left := await self._take_out(room, member, ref, worker):
                gone.append(left)
        await self._store.delete(_held(worker))
        await self._store.delete_fields("workers", (worker,))
        return gone

    # Members

    async def enter(self, stay: Stay) -> Joined | None:
        """The session is here. Returns what its room is told, if it is the member's first."""
        key, member = _member(stay.room, stay.member), stay.member
        await self._store.set_fields(_held(self._worker), {_line(stay): b""}, ttl_seconds=KEPT_SECONDS)
        new = _Record(int(time.time() * 1000), {stay.ref: self._worker})
        stored = await self._store.claim(key, new.pack(), ttl_seconds=KEPT_SECONDS)
        while stored is not None:
            new = _record(stored)
            new.held[stay.ref] = self._worker
            if await self._store.replace(key, stored, new.pack(), ttl_seconds=KEPT_SECONDS):
                break
            stored = await self._store.claim(key, new.pack(), ttl_seconds=KEPT_SECONDS)
        # Behind the record: see `_take_out`.
        await self._store.set_fields(_room(stay.room), {member: b""}, ttl_seconds=KEPT_SECONDS)
        if stored:
            return None
        return Joined(room=stay.room, member=member, user=_user(member), since=_moment(new.since))

    async def exit(self, stay: Stay, *, for_good: bool) -> Left | None:
        """The session is not here any more; elsewhere it may be, unless it left `for_good`.

        Returns what its room is told, if it was the member's last.
        """
        left = await self._take_out(stay.room, stay.member, stay.ref, None if for_good else self._worker)
        await self._store.delete_fields(_held(self._worker), (_line(stay),))
        return left

    async def clear(self, room: str, user: str) -> Left | None:
        """Take out a user, whoever holds it."""
        return await self._take_out(room, f"user:{user}", None, None)

    async def present(self, room: str) -> list[Present]:
        """Everybody, those who came first in front."""
        members = sorted(await self._store.fields(_room(room)))
        records = [
            (member, _record(stored))
            for some in _parts(members)
            for member, stored in zip(
                some, await self._store.get_many([_member(room, member) for member in some]), strict=True
            )
            if stored
        ]
        workers = sorted({worker for _, record in records for worker in record.held.values()})
        leases = await self._store.get_many([_lease(worker) for worker in workers])
        alive = {worker for worker, lease in zip(workers, leases, strict=True) if lease is not None}
        found = [
            Present(member=member, user=_user(member), since=_moment(record.since))
            for member, record in records
            if not alive.isdisjoint(record.held.values())
        ]
        return sorted(found, key=lambda one: one.since)

    async def _take_out(self, room: str, member: str, ref: str | None, worker: str | None) -> Left | None:
        """`ref`: None for each session of the member. `worker`: only if that one has it; None whoever has."""
        key = _member(room, member)
        while stored := await self._store.get(key):
            record = _record(stored)
            if ref is None:
                record.held.clear()
            elif ref not in record.held or worker not in (None, record.held[ref]):
                return None
            else:
                del record.held[ref]
            if await self._store.replace(key, stored, record.pack(), ttl_seconds=KEPT_SECONDS):
                break
        else:
            return None
        if record.held:
            return None
        await self._store.delete_fields(_room(room), (member,))
        if await self._store.get(key):
            # It came back between the two, and its line in the room's list may be the one that was deleted.
            await self._store.set_fields(_room(room), {member: b""}, ttl_seconds=KEPT_SECONDS)
        return Left(room=room, member=member, user=_user(member), since=_moment(record.since))


def _user(member: str) -> str | None:
    kind, _, name = member.partition(":")
    return name if kind == "user" else None


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _parts(members: list[str]) -> Iterator[list[str]]:
    return (members[start : start + AT_A_TIME] for start in range(0, len(members), AT_A_TIME))


def _line(stay: Stay) -> str:
    return json.dumps([stay.room, stay.member, stay.ref])


def _lease(worker: str) -> str:
    return f"worker:{worker}"


def _held(worker: str) -> str:
    return f"held:{worker}"


def _room(room: str) -> str:
    return f"room:{room}"


def _member(room: str, member: str) -> str:
    return f"member:{len(room)}:{room}:{member}"
