"""Which connections listen to which topics, and from where on."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from fusewire.broker.port import Broker, BrokerError, Delivery
from fusewire.broker.positions import after, is_position
from fusewire.events import EventRegistry
from fusewire.hub.history import History
from fusewire.hub.listeners import Listeners
from fusewire.hub.presence import Presence
from fusewire.hub.publisher import Publisher
from fusewire.hub.removals import removal_in
from fusewire.hub.replays import Replays, lose
from fusewire.hub.rooms import Rooms
from fusewire.hub.sessions import Session, Sessions
from fusewire.hub.stays import Joined, Left
from fusewire.hub.topics import ALL, CATCHING_UP, Member, Topic, room_of, room_topic, user_topic
from fusewire.hub.words import TAKEN_OVER, Words
from fusewire.wire.codec import write
from fusewire.wire.messages import Event
from fusewire.wire.messages import Topic as TopicMessage

log = logging.getLogger("fusewire.hub")

NOWHERE: Mapping[str, str] = {}


class Hub:
    """Delivers what a broker brings, in the order it brings it, and what was missed before that."""

    def __init__(
        self, broker: Broker, events: EventRegistry, history: History, sessions: Sessions, *, rooms: int
    ) -> None:
        """`rooms`: how many one session may be in."""
        self.sessions = sessions
        self._events = events
        self._listeners = Listeners(broker, history)
        self.publish = Publisher(broker, events, history).publish
        self._replays = Replays(broker, history, self._message)
        self._words = Words(broker, sessions.store, sessions.worker, self._look)
        self.presence = Presence(sessions, tell=self._tell_room, withdraw=self._withdraw)
        self.rooms = Rooms(
            self._listeners, sessions, self.presence, self._words, self._replays, broker, most=rooms
        )
        broker.attach(self)

    def __repr__(self) -> str:
        return f"<Hub {len(self._listeners)} members, {len(self._listeners.topics)} topics>"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps what is written down of sessions and rooms."""
        async with self.sessions.running(), self.presence.running(), self._words.running():
            yield

    # Members

    async def attach(
        self,
        member: Member,
        topics: Iterable[str],
        owner: str | None = None,
        session: Session | None = None,
    ) -> None:
        """A member listens to these topics, to those of its session, and to `all`; to none when the app has no events.

        It is sent nothing yet: `follow` begins. `owner`: whose its session is. Another connection of its session, such as one that drains,
        is sent no more events. In the session's turn (`rooms.turn`) from `sessions.open` on.
        """
        joined = (session.topics if session is not None else None) or {}
        before = self._listeners.seat(member, owner)
        if before is not None:
            self.rooms.quit(before)
        if session is not None and session.topics is not None:
            self.sessions.keep(session.id)
            self._words.await_them()
        own = (*topics, ALL) if self._events else ()
        await self._listeners.subscribe(member, *own, *joined)
        for name, entry in joined.items():
            if (room := room_of(name)) is not None:
                self.presence.back(member.session_id, room, owner, entry.mark)
        if session is not None and session.before is not None:
            await self._words.tell(session.before, session.id, TAKEN_OVER)

    def follow(
        self, member: Member, positions: Mapping[str, str], joined: Mapping[str, str] = NOWHERE
    ) -> list[tuple[Topic, str]]:
        """Tell a member where its topics stand; from here on it is sent their events. `positions`, where it left off, are its own word.

        `joined`: where topics stood when its session joined them, for those that it does not know of yet. Returns what it has to be
        caught up with first: `catch_up`.
        """
        names = self._listeners.names(member)
        for name in positions:
            if name not in names:
                # Another user's is not its affair any more. A room it has lost with its session, or its right to be there.
                gone = None if name.startswith("user:") else False
                member.push(write(TopicMessage(name, None, gone)))
        behind = []
        for name in names:
            topic = self._listeners.topics[name]
            position = positions.get(name)
            if position is None:
                position = joined.get(name)
                done = self._listeners.begin_at(member, topic, position)
            elif not is_position(position):
                lose(member, topic, None)
                continue
            else:
                done = self._listeners.begin(member, topic, position)
            if not done:
                assert position is not None
                behind.append((topic, position))
        return behind

    async def catch_up(self, member: Member, behind: Iterable[tuple[Topic, str]]) -> None:
        """Send a member what it missed: each event once, in order, before new ones; or none, and it is told so."""
        for topic, position in behind:
            await self._replays.catch_up(member, topic, position)

    def detach(self, member: Member) -> None:
        self.rooms.quit(member)

    async def move(self, member: Member, old: str | None, new: str | None) -> None:
        """The member's identity changed, from one user's id to another's. What it has joined was the old one's.

        Raises `BrokerError`.
        """
        if old == new:
            return
        # At once, and again behind those of its calls that are joining.
        self._leave_all(member)
        async with self.rooms.turn(member.session_id):
            if not self._listeners.seated(member):
                # Its session goes on elsewhere, as the old one's.
                return
            self._leave_all(member)
            self._listeners.seat(member, new)
            if new is not None and self._events:
                await self._listeners.join(member, user_topic(new))
            await self.sessions.hand_over(member.session_id, old, new)

    def _leave_all(self, member: Member) -> None:
        """But what everybody hears."""
        for name in self._listeners.names(member):
            if name != ALL:
                self._listeners.leave(member, name)
            if (room := room_of(name)) is not None:
                self.presence.gone(member.session_id, room)

    # Events

    def deliver(self, topic: str, delivery: Delivery) -> None:
        """The broker brings the next event of a topic."""
        found = self._listeners.topics.get(topic)
        if found is None:
            self._words.heard(topic)
            return
        position = delivery.position
        if position is None:
            self._pass_on(found, delivery.message)
            return
        found.position = position
        message = self._message(topic, delivery)
        if message is None:
            self.gap(topic, position)
            return
        members = found.members
        for member, state in members.items():
            if state is not None:
                if state == CATCHING_UP or not after(position, state):
                    continue
                members[member] = None
            member.push(message)

    def _pass_on(self, topic: Topic, stored: bytes) -> None:
        """An ephemeral event; one that does not fit this version of the app is dropped. Or a word among workers."""
        read = self._events.read(stored)
        if read is None:
            if (removal := removal_in(stored)) is not None:
                self.rooms.removed(topic, *removal)
            return
        kind, value, key = read
        message = write(Event(kind.name, value))
        place = None if key is None else (topic.name, kind.name, key)
        for member, state in topic.members.items():
            if state is None:
                member.offer(message, place)

    def gap(self, topic: str, position: str) -> None:
        """The broker lost events of a topic, which goes on from `position`."""
        found = self._listeners.topics.get(topic)
        if found is None:
            self._words.heard(topic)
            return
        found.position = position
        message = write(TopicMessage(topic, position, recovered=False))
        for member, state in found.members.items():
            if state == CATCHING_UP:
                continue
            found.members[member] = None
            if state != position:
                member.push(message)

    def _message(self, topic: str, delivery: Delivery) -> bytes | None:
        """What a member is sent. None when the event does not fit this version of the app."""
        read = self._events.read(delivery.message)
        if read is None:
            return None
        kind, value, _ = read
        return write(Event(kind.name, value, topic, delivery.previous, delivery.position))

    # Rooms

    def _withdraw(self, session_id: str, room: str) -> None:
        self.rooms.withdraw(session_id, room)

    async def _look(self, session_id: str, topic: str) -> None:
        await self.rooms.look(session_id, topic)

    async def _tell_room(self, change: Joined | Left) -> None:
        if type(change) in self._events:
            try:
                await self.publish([room_topic(change.room)], change)
            except BrokerError:
                log.warning("! %s of a room was not told", type(change).__name__)
