"""Who is in a room: as it is told, and as it is written down."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import msgpack
from pydantic import BaseModel

from fusewire.broker.store import Store

KEPT_SECONDS = 600.0
"""For how long something is kept that nobody touches."""

WORKERS = "workers"
"""The key of a hash: the workers of whom something is written down, each with its latest incarnation."""


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

    @property
    def line(self) -> str:
        """Names the stay among those of its worker."""
        return json.dumps([self.room, self.member, self.ref])


def place_of(line: str) -> tuple[str, str]:
    """The room and the member."""
    room, member, _ = json.loads(line)
    return room, member


class Holder(NamedTuple):
    """A worker that has a connection of the member. It is another incarnation after each time that others may have taken it for dead."""

    worker: str
    incarnation: int


@dataclass(slots=True)
class Record:
    """A member of a room. `since`: milliseconds."""

    since: int
    held: dict[str, Holder] = field(default_factory=dict)
    """By the session's ref."""

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb([self.since, self.held])
        return packed

    def present(self, member: str) -> Present:
        return Present(member=member, user=_user(member), since=_moment(self.since))


def record(stored: bytes | None) -> Record:
    if stored is None:
        return Record(int(time.time() * 1000))
    since, held = msgpack.unpackb(stored)
    return Record(since, {ref: Holder(*holder) for ref, holder in held.items()})


async def put_in(store: Store, stay: Stay, holder: Holder) -> Joined | None:
    """Returns what its room is told, if it is the member's first session there. Raises `BrokerError`."""
    key, member = room_key(stay.room), stay.member
    stored: bytes | None = None
    while True:
        new = record(stored)
        new.held[stay.ref] = holder
        if await store.replace_fields(key, {member: (stored, new.pack())}, ttl_seconds=KEPT_SECONDS):
            break
        stored = (await store.get_fields(key, (member,))).get(member)
    if stored is not None:
        return None
    return Joined(room=stay.room, member=member, user=_user(member), since=_moment(new.since))


async def take_out(
    store: Store, room: str, members: Collection[str], ended: Callable[[str, Holder], bool]
) -> AsyncIterator[list[Left]]:
    """Those sessions of the members for which `ended(ref, holder)`. Yields whom nobody holds any more, for each step that was done: the
    next may fail, and what was written down is to be told. Raises `BrokerError`."""
    key, rest = room_key(room), set(members)
    while rest:
        changes: dict[str, tuple[bytes | None, bytes | None]] = {}
        left = {}
        for member, stored in (await store.get_fields(key, rest)).items():
            found = record(stored)
            held = {ref: holder for ref, holder in found.held.items() if not ended(ref, holder)}
            if held:
                changes[member] = (stored, Record(found.since, held).pack())
            else:
                changes[member] = (stored, None)
                left[member] = Left(room=room, member=member, user=_user(member), since=_moment(found.since))
            if held == found.held:
                del changes[member]
        changed = (
            await store.replace_fields(key, changes, ttl_seconds=KEPT_SECONDS) if changes else frozenset()
        )
        yield [change for member, change in left.items() if member in changed]
        # Somebody else changed these in between.
        rest = changes.keys() - changed


def _user(member: str) -> str | None:
    kind, _, name = member.partition(":")
    return name if kind == "user" else None


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def room_key(room: str) -> str:
    """Of a hash: the records of its members."""
    return f"room:{room}"


def lease_key(worker: str) -> str:
    """Of a value, which is there as long as the worker is taken for alive."""
    return f"worker:{worker}"


def held_key(worker: str) -> str:
    """Of a hash: the lines of its stays, each with the incarnation that wrote it."""
    return f"held:{worker}"
