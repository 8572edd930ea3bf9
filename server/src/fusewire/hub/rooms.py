"""Sessions join and leave topics, wherever the call runs and whichever worker has the session."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from fusewire.broker.port import Broker
from fusewire.errors import IdentityChanged
from fusewire.hub.listeners import Listeners
from fusewire.hub.places import Places
from fusewire.hub.presence import Presence
from fusewire.hub.removals import removal_message
from fusewire.hub.replays import Replays
from fusewire.hub.sessions import Sessions
from fusewire.hub.topics import Member, Topic, room_of, room_topic, session_topic
from fusewire.hub.words import Words


class Rooms:
    """What is written down of a session is what counts; the worker that has the session listens accordingly, and hears of changes."""

    def __init__(
        self,
        listeners: Listeners,
        sessions: Sessions,
        presence: Presence,
        words: Words,
        replays: Replays,
        broker: Broker,
        *,
        most: int,
    ) -> None:
        """`most`: rooms of a session."""
        self._listeners = listeners
        self._sessions = sessions
        self._presence = presence
        self._words = words
        self._replays = replays
        self._broker = broker
        self._places = Places(most)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def __repr__(self) -> str:
        return f"<Rooms {self._listeners}>"

    def turn(self, session_id: str | None) -> asyncio.Lock:
        """Of changing a session here: one after the other. None: of one that nobody knows yet."""
        return asyncio.Lock() if session_id is None else self._turns.setdefault(session_id, asyncio.Lock())

    async def join(self, session_id: str, owner: str | None, room: str) -> None:
        """Raises `BrokerError`, `TooManyRooms`, and `IdentityChanged`."""
        await self._presence.withdrawn(session_id, room)
        with self._places.take(session_id, room, await self._rooms(session_id)):
            async with self.turn(session_id):
                if not await self._enter(session_id, owner, room_topic(room)):
                    raise IdentityChanged(message="The session is somebody else's by now; it joined no room")

    async def listen(self, session_id: str) -> None:
        """An anonymous session listens to a topic of its own, which only some need; nobody else's does. Raises `BrokerError`."""
        topic = session_topic(session_id)
        member = self._listeners.of(session_id)
        if member is None or topic not in self._listeners.names(member):
            async with self.turn(session_id):
                await self._enter(session_id, None, topic)

    async def leave(self, session_id: str, owner: str | None, room: str) -> None:
        """One that is not the owner's any more has left already. Raises `BrokerError`."""
        async with self.turn(session_id):
            member = self._listeners.of(session_id)
            if member is not None and self._listeners.owner(member) == owner:
                self._listeners.leave(member, room_topic(room))
            worker = await self._sessions.exit(session_id, owner, room_topic(room))
            stay = self._presence.joined(session_id, room)
            if stay is not None and stay[0] == owner:
                await self._presence.exit(session_id, room)
            if worker is not None and worker != self._sessions.worker:
                await self._words.tell(worker, session_id, room_topic(room))

    async def remove(self, room: str, user: str) -> None:
        """Every session of a user leaves, at whatever worker, and those that are away too. Raises `BrokerError`."""
        mark = await self._sessions.removals.note(room, user)
        await self._presence.clear(room, user)
        await self._broker.publish(room_topic(room), removal_message(user, mark), None)

    # What is heard from other workers

    def removed(self, topic: Topic, user: str, mark: bytes) -> None:
        room = room_of(topic.name)
        assert room is not None, "removals are told in rooms"
        for member in list(topic.members):
            joined = self._presence.joined(member.session_id, room)
            if joined is not None and joined[0] == user and joined[1] != mark:
                self.withdraw(member.session_id, room)

    def withdraw(self, session_id: str, room: str) -> None:
        if member := self._listeners.of(session_id):
            self._listeners.leave(member, room_topic(room))
        self._presence.gone(session_id, room, withdrawn=True)

    async def look(self, session_id: str, name: str) -> None:
        """What is written down of a session was changed elsewhere: it was taken over, or this topic of it was joined or left.

        Raises `BrokerError`.
        """
        async with self.turn(session_id):
            record = await self._sessions.read(session_id)
            member = self._listeners.of(session_id)
            if member is None or record is None:
                return
            if record.worker != self._sessions.worker:
                self.quit(member)
                return
            owner = self._listeners.owner(member)
            if not record.is_of(owner):
                return
            room, entry = room_of(name), record.topics.get(name)
            if entry is None:
                self._listeners.leave(member, name)
                if room is not None:
                    self._presence.gone(session_id, room)
                return
            if name in self._listeners.names(member):
                return
            await self._listeners.subscribe(member, name)
            if name not in self._listeners.names(member):
                # It is gone meanwhile.
                return
            if room is not None:
                self._presence.back(session_id, room, owner, entry.mark)
            topic = self._listeners.topics[name]
            if self._listeners.begin_at(member, topic, entry.position):
                return
        assert entry.position is not None
        await self._replays.catch_up(member, topic, entry.position)

    def quit(self, member: Member) -> None:
        """A connection is sent no more events: it has ended, or its session goes on with another one, here or elsewhere."""
        if self._listeners.unseat(member):
            self._sessions.close(member.session_id)
        for name in self._listeners.leave_all(member):
            if (room := room_of(name)) is not None:
                self._presence.away(member.session_id, room)

    # What calls do

    async def _enter(self, session_id: str, owner: str | None, name: str) -> bool:
        """False when the session is not the owner's any more."""
        member = self._listeners.of(session_id)
        if member is not None and self._listeners.owner(member) != owner:
            return False
        new = member is not None and name not in self._listeners.names(member)
        entered = None
        try:
            if member is not None and new:
                # Before it is written down where the topic stands: nothing comes in between.
                await self._listeners.subscribe(member, name)
            position = await self._listeners.position(name)
            entered = await self._sessions.enter(session_id, owner, name, position)
        finally:
            if member is not None and new and entered is None:
                self._listeners.leave(member, name, told=False)
        if entered is None:
            return False
        mark, worker = entered
        here = await self._entered(session_id, owner, name, mark, begin=new)
        if worker != self._sessions.worker:
            if not here and (room := room_of(name)) is not None:
                # Until that worker has heard of it.
                await self._presence.enter(session_id, room, owner, mark)
                self._presence.away(session_id, room)
            await self._words.tell(worker, session_id, name)
        return True

    async def _entered(
        self, session_id: str, owner: str | None, name: str, mark: bytes, *, begin: bool
    ) -> bool:
        """False when no connection of the session is here."""
        member = self._listeners.of(session_id)
        if member is None:
            return False
        self._sessions.keep(session_id)
        self._words.await_them()
        # It may have been removed meanwhile.
        if name in self._listeners.names(member):
            if begin:
                self._listeners.begin(member, self._listeners.topics[name], None)
            if (room := room_of(name)) is not None:
                await self._presence.enter(session_id, room, owner, mark)
        return True

    async def _rooms(self, session_id: str) -> set[str]:
        member = self._listeners.of(session_id)
        if member is not None:
            names = set(self._listeners.names(member))
        else:
            # Its connection is gone, and its call goes on.
            record = await self._sessions.read(session_id)
            names = set() if record is None else set(record.topics)
        return {room for name in names if (room := room_of(name)) is not None}
