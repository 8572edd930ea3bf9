"""Which connections listen to which topics. Topics: `user:<id>`, `session:<id>`, `room:<name>`, and `all`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from pydantic import BaseModel

from fusewire.broker import Broker
from fusewire.events import EventRegistry

ALL = "all"
_SESSION = "session:"


class Member(Protocol):
    """A connection, as far as the hub is concerned."""

    @property
    def session_id(self) -> str: ...

    def push(self, message: bytes) -> None:
        """Queue an encoded event. Never blocks and never raises: a member that cannot keep up closes itself."""
        ...


class Hub:
    """Delivers what a broker brings, in the order it brings it."""

    def __init__(self, broker: Broker, events: EventRegistry) -> None:
        self._broker = broker
        self._events = events
        # Lists in a dict: insertion order, so that delivery order is the same for every run.
        self._members: dict[str, dict[Member, None]] = {}
        self._topics: dict[Member, list[str]] = {}
        self._sessions: dict[str, Member] = {}
        broker.attach(self._deliver)

    def __repr__(self) -> str:
        return f"<Hub {len(self._sessions)} sessions, {len(self._members)} topics>"

    async def attach(self, member: Member, topics: Iterable[str]) -> None:
        self._sessions[member.session_id] = member
        await self._broker.subscribe(_SESSION + member.session_id)
        for topic in (*topics, ALL):
            await self._listen(member, topic)

    async def detach(self, member: Member) -> None:
        if self._sessions.pop(member.session_id, None) is not None:
            await self._broker.unsubscribe(_SESSION + member.session_id)
        for topic in list(self._topics.get(member, ())):
            await self._leave(member, topic)
        self._topics.pop(member, None)

    async def move(self, member: Member, *, old: str | None, new: str | None) -> None:
        """The member's identity changed. The new topic first: in between, an event is better seen twice than missed."""
        if old == new:
            return
        if new is not None:
            await self._listen(member, new)
        if old is not None:
            await self._leave(member, old)

    async def join(self, session_id: str, topic: str) -> None:
        if member := self._sessions.get(session_id):
            await self._listen(member, topic)

    async def leave(self, session_id: str, topic: str) -> None:
        if member := self._sessions.get(session_id):
            await self._leave(member, topic)

    async def publish(self, topics: Iterable[str], event: BaseModel) -> None:
        """Emit to many topics. Each is a step of its own: a failure in between leaves the earlier ones emitted."""
        message = self._events.encode(event)
        for topic in topics:
            await self._broker.publish(topic, message)
        # In one process nothing above waits: who emits in a loop lets the writers of those who listen have their turn.
        await asyncio.sleep(0)

    async def _listen(self, member: Member, topic: str) -> None:
        members = self._members.setdefault(topic, {})
        if member in members:
            return
        self._topics.setdefault(member, []).append(topic)
        members[member] = None
        if len(members) == 1:
            await self._broker.subscribe(topic)

    async def _leave(self, member: Member, topic: str) -> None:
        members = self._members.get(topic)
        if members is None or member not in members:
            return
        del members[member]
        self._topics[member].remove(topic)
        if not members:
            del self._members[topic]
            await self._broker.unsubscribe(topic)

    def _deliver(self, topic: str, message: bytes) -> None:
        if topic.startswith(_SESSION):
            # One member at most: no table of its own for each.
            if member := self._sessions.get(topic.removeprefix(_SESSION)):
                member.push(message)
            return
        for member in list(self._members.get(topic, ())):
            member.push(message)
