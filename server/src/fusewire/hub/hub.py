"""Which connections listen to which topics, and from where on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from fusewire.broker.port import Broker, BrokerError, Delivery
from fusewire.broker.positions import after, is_position
from fusewire.events import EventRegistry
from fusewire.hub.attendance import Joined, Left
from fusewire.hub.history import History
from fusewire.hub.places import Places
from fusewire.hub.presence import Presence
from fusewire.hub.publisher import Publisher
from fusewire.hub.removals import removal_in, removal_message
from fusewire.hub.replays import Replays, live, lose
from fusewire.hub.sessions import Sessions
from fusewire.hub.topics import ALL, CATCHING_UP, Member, Topic, room_topic, session_topic, user_topic
from fusewire.wire.codec import write
from fusewire.wire.messages import Event
from fusewire.wire.messages import Topic as TopicMessage

log = logging.getLogger("fusewire.hub")

_NO_ROOMS: Mapping[str, bytes] = {}


class Hub:
    """Delivers what a broker brings, in the order it brings it, and what was missed before that."""

    def __init__(
        self, broker: Broker, events: EventRegistry, history: History, sessions: Sessions, *, rooms: int
    ) -> None:
        """`rooms`: how many one session may be in."""
        self.sessions = sessions
        self._broker = broker
        self._events = events
        self._history = history
        self._topics: dict[str, Topic] = {}
        self._names: dict[Member, tuple[str, ...]] = {}
        self._members: dict[str, Member] = {}
        self._places = Places(rooms)
        self.publish = Publisher(broker, events, history).publish
        self._replays = Replays(broker, history, self._message)
        self.presence = Presence(sessions, tell=self._tell_room, withdraw=self._withdraw)
        broker.attach(self)

    def __repr__(self) -> str:
        return f"<Hub {len(self._members)} members, {len(self._topics)} topics>"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps what is written down of sessions and rooms."""
        async with self.sessions.running(), self.presence.running():
            yield

    # Members

    async def attach(
        self,
        member: Member,
        topics: Iterable[str],
        owner: str | None = None,
        rooms: Mapping[str, bytes] = _NO_ROOMS,
    ) -> None:
        """A member listens to these topics, and to `all`; to none when the app has no events. It is sent nothing yet: `follow` begins.

        `owner`: whose its session is. `rooms`: those it was in already, each with the mark of removal that was known when it joined.

        Another connection of its session, such as one that drains, is sent no more events.
        """
        before = self._members.get(member.session_id)
        # At first: the session goes on, and is kept.
        self._members[member.session_id] = member
        if before is not None and before is not member:
            self._quit(before)
        own = (*topics, ALL) if self._events else ()
        await self._subscribe(member, *own, *map(room_topic, rooms))
        for room, mark in rooms.items():
            self.presence.back(member.session_id, room, owner, mark)

    def follow(self, member: Member, positions: Mapping[str, str]) -> list[tuple[Topic, str]]:
        """Tell a member where its topics stand; from here on it is sent their events. `positions`, where it left off, are its own word.

        Returns what it has to be caught up with first: `catch_up`.
        """
        names = self._names.get(member, ())
        for name in positions:
            if name not in names:
                # Another user's is not its affair any more. A room it has lost with its session, or its right to be there.
                gone = None if name.startswith("user:") else False
                member.push(write(TopicMessage(name, None, gone)))
        behind = []
        for name in names:
            position, topic = positions.get(name), self._topics[name]
            if position is not None and not is_position(position):
                lose(member, topic, None)
            elif not self._begin(member, topic, position):
                assert position is not None
                behind.append((topic, position))
        return behind

    async def catch_up(self, member: Member, behind: Iterable[tuple[Topic, str]]) -> None:
        """Send a member what it missed: each event once, in order, before new ones; or none, and it is told so."""
        for topic, position in behind:
            await self._replays.catch_up(member, topic, position)

    def detach(self, member: Member) -> None:
        if self._members.get(member.session_id) is member:
            del self._members[member.session_id]
            self.sessions.close(member.session_id)
        self._quit(member)

    def _quit(self, member: Member) -> None:
        for name in self._names.pop(member, ()):
            self._drop(member, name)
            if name.startswith("room:"):
                self.presence.away(member.session_id, name.removeprefix("room:"))

    async def move(self, member: Member, old: str | None, new: str | None) -> None:
        """The member's identity changed, from one user's id to another's. The rooms that it is in were the old one's.

        Raises `BrokerError`.
        """
        if old == new:
            return
        rooms = [name for name in self._names.get(member, ()) if name.startswith("room:")]
        for name in (*rooms, *(() if old is None else (user_topic(old),))):
            self._leave(member, name)
            if name in rooms:
                self.presence.gone(member.session_id, name.removeprefix("room:"))
        if new is not None:
            await self._join(member, user_topic(new))
        await self.sessions.hand_over(member.session_id, new, [room.removeprefix("room:") for room in rooms])

    async def listen(self, session_id: str) -> None:
        """A session listens to a topic of its own, which only some need. Raises `BrokerError`."""
        if member := self._members.get(session_id):
            await self.sessions.keep(session_id, None)
            await self._join(member, session_topic(session_id))

    async def join(self, session_id: str, owner: str | None, room: str) -> None:
        """Raises `BrokerError`, and `TooManyRooms`."""
        await self.presence.withdrawn(session_id, room)
        rooms = await self._rooms(session_id)
        with self._places.take(session_id, room, rooms):
            await self._enter(session_id, owner, room)

    async def _enter(self, session_id: str, owner: str | None, room: str) -> None:
        mark = await self.sessions.enter(session_id, owner, room)
        if member := self._members.get(session_id):
            await self._join(member, room_topic(room))
            if room_topic(room) in self._names.get(member, ()):
                await self.presence.enter(session_id, room, owner, mark)

    async def leave(self, session_id: str, room: str) -> None:
        """Raises `BrokerError`."""
        if member := self._members.get(session_id):
            self._leave(member, room_topic(room))
        await self.sessions.exit(session_id, room)
        await self.presence.exit(session_id, room)

    async def remove(self, room: str, user: str) -> None:
        """Every session of a user leaves, at whatever worker, and those that are away too. Raises `BrokerError`."""
        mark = await self.sessions.removals.note(room, user)
        await self.presence.clear(room, user)
        await self._broker.publish(room_topic(room), removal_message(user, mark), None)

    # Events

    def deliver(self, topic: str, delivery: Delivery) -> None:
        """The broker brings the next event of a topic."""
        found = self._topics.get(topic)
        if found is None:
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
                self._remove(topic, *removal)
            return
        kind, value, key = read
        message = write(Event(kind.name, value))
        place = None if key is None else (topic.name, kind.name, key)
        for member, state in topic.members.items():
            if state is None:
                member.offer(message, place)

    def gap(self, topic: str, position: str) -> None:
        """The broker lost events of a topic, which goes on from `position`."""
        found = self._topics.get(topic)
        if found is None:
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

    def _remove(self, topic: Topic, user: str, mark: bytes) -> None:
        room = topic.name.removeprefix("room:")
        for member in list(topic.members):
            joined = self.presence.joined(member.session_id, room)
            if joined is not None and joined[0] == user and joined[1] != mark:
                self._withdraw(member.session_id, room)

    def _withdraw(self, session_id: str, room: str) -> None:
        if member := self._members.get(session_id):
            self._leave(member, room_topic(room))
        self.presence.gone(session_id, room, withdrawn=True)

    async def _tell_room(self, change: Joined | Left) -> None:
        if type(change) in self._events:
            try:
                await self.publish([room_topic(change.room)], change)
            except BrokerError:
                log.warning("! %s of a room was not told", type(change).__name__)

    async def _rooms(self, session_id: str) -> set[str]:
        member = self._members.get(session_id)
        if member is None:
            # Its connection is gone, and its call goes on.
            return await self.sessions.rooms(session_id)
        names = self._names.get(member, ())
        return {name.removeprefix("room:") for name in names if name.startswith("room:")}

    # One member in one topic

    async def _join(self, member: Member, name: str) -> None:
        if name not in self._names.get(member, ()):
            await self._subscribe(member, name)
            if name in self._names.get(member, ()):
                self._begin(member, self._topics[name], None)

    def _leave(self, member: Member, name: str) -> None:
        names = self._names.get(member, ())
        if name in names:
            self._names[member] = tuple(other for other in names if other != name)
            self._drop(member, name)
            member.push(write(TopicMessage(name)))

    def _drop(self, member: Member, name: str) -> None:
        topic = self._topics[name]
        topic.members.pop(member, None)
        if not topic.members:
            del self._topics[name]
            self._broker.unsubscribe(name)

    async def _subscribe(self, member: Member, *names: str) -> None:
        asked = []
        for name in names:
            topic = self._topics.get(name)
            if topic is None:
                topic = self._topics[name] = Topic(name)
            topic.members[member] = CATCHING_UP
            self._names[member] = (*self._names.get(member, ()), name)
            if not topic.subscribed:
                asked.append(self._ask(topic))
        if asked:
            # A broker that does not answer is waited for once, and not topic by topic.
            await asyncio.gather(*asked)

    async def _ask(self, topic: Topic) -> None:
        """Have it delivered. Several may ask at once; each of them must know the position."""
        if topic.lock is None:
            topic.lock = asyncio.Lock()
        async with topic.lock:
            if not topic.subscribed:
                position = await self._broker.subscribe(topic.name, self._history.of(topic.name))
                if topic.position is None:
                    topic.position = position
                topic.subscribed = True
        topic.lock = None
        if topic.name not in self._topics:
            # Everybody has left meanwhile.
            self._broker.unsubscribe(topic.name)

    def _begin(self, member: Member, topic: Topic, position: str | None) -> bool:
        """From here on the member is sent everything. False when there may be something between `position` and here."""
        if position is not None and position != topic.position:
            return False
        if topic.position is not None:
            member.push(write(TopicMessage(topic.name, topic.position, None if position is None else True)))
        # Without a position the broker is away. When it is back, it tells everybody where the topic goes on.
        live(member, topic, topic.position)
        return True
