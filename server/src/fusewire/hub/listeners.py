"""Who listens here: the connection of each session, whose it is, and its topics."""

from __future__ import annotations

import asyncio

from fusewire.broker.port import Broker
from fusewire.hub.history import History
from fusewire.hub.replays import live
from fusewire.hub.topics import CATCHING_UP, Member, Topic
from fusewire.wire.codec import write
from fusewire.wire.messages import Topic as TopicMessage


class Listeners:
    """A session has one connection at a time, which is sent events."""

    def __init__(self, broker: Broker, history: History) -> None:
        self.topics: dict[str, Topic] = {}
        self._broker = broker
        self._history = history
        self._members: dict[str, Member] = {}
        self._owners: dict[str, str | None] = {}
        self._names: dict[Member, tuple[str, ...]] = {}

    def __repr__(self) -> str:
        return f"<Listeners {len(self._members)} members, {len(self.topics)} topics>"

    def __len__(self) -> int:
        return len(self._members)

    # Members

    @property
    def members(self) -> tuple[Member, ...]:
        return (*self._members.values(),)

    def seat(self, member: Member, owner: str | None) -> Member | None:
        """From now on it is its session's connection. Returns the one that was."""
        before = self._members.get(member.session_id)
        self._members[member.session_id] = member
        self._owners[member.session_id] = owner
        return before if before is not member else None

    def unseat(self, member: Member) -> bool:
        """False when it is not its session's connection (any more)."""
        if self._members.get(member.session_id) is not member:
            return False
        del self._members[member.session_id]
        del self._owners[member.session_id]
        return True

    def of(self, session_id: str) -> Member | None:
        return self._members.get(session_id)

    def seated(self, member: Member) -> bool:
        return self._members.get(member.session_id) is member

    def owner(self, member: Member) -> str | None:
        """Whose it is, of one that is seated."""
        return self._owners[member.session_id]

    def names(self, member: Member) -> tuple[str, ...]:
        return self._names.get(member, ())

    # One member in one topic

    async def join(self, member: Member, name: str) -> None:
        """It is sent what comes from now on. Raises `BrokerError`."""
        if name not in self.names(member):
            await self.subscribe(member, name)
            if name in self.names(member):
                self.begin(member, self.topics[name], None)

    def leave(self, member: Member, name: str, *, told: bool = True) -> None:
        """It is told, if it was there."""
        names = self.names(member)
        if name in names:
            self._names[member] = tuple(other for other in names if other != name)
            self._drop(member, name)
            if told:
                member.push(write(TopicMessage(name)))

    def leave_all(self, member: Member) -> tuple[str, ...]:
        """Without a word. Returns what it listened to."""
        names = self._names.pop(member, ())
        for name in names:
            self._drop(member, name)
        return names

    async def subscribe(self, member: Member, *names: str) -> None:
        """It is sent nothing of these yet: `begin` does that. Raises `BrokerError`."""
        asked = []
        for name in names:
            topic = self.topics.get(name)
            if topic is None:
                topic = self.topics[name] = Topic(name)
            topic.members[member] = CATCHING_UP
            self._names[member] = (*self.names(member), name)
            if not topic.subscribed:
                asked.append(self._ask(topic))
        if asked:
            # A broker that does not answer is waited for once, and not topic by topic.
            await asyncio.gather(*asked)

    def begin(self, member: Member, topic: Topic, position: str | None) -> bool:
        """From here on the member is sent everything. False when there may be something between `position` and here."""
        if position is not None and position != topic.position:
            return False
        if topic.position is not None:
            member.push(write(TopicMessage(topic.name, topic.position, None if position is None else True)))
        # Without a position the broker is away. When it is back, it tells everybody where the topic goes on.
        live(member, topic, topic.position)
        return True

    def begin_at(self, member: Member, topic: Topic, position: str | None) -> bool:
        """As `begin`, for one that was not told yet of a topic that its session joined at `position`."""
        if position is None or position == topic.position:
            return self.begin(member, topic, None)
        member.push(write(TopicMessage(topic.name, position)))
        return False

    async def position(self, name: str) -> str | None:
        """Where a topic stands, though nobody may listen to it; None when the broker does not say. Raises `BrokerError`."""
        topic = self.topics.get(name)
        if topic is not None and topic.position is not None:
            return topic.position
        position = await self._broker.subscribe(name, self._history.of(name))
        if name not in self.topics:
            self._broker.unsubscribe(name)
        return position

    def _drop(self, member: Member, name: str) -> None:
        topic = self.topics[name]
        topic.members.pop(member, None)
        if not topic.members:
            del self.topics[name]
            self._broker.unsubscribe(name)

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
        if topic.name not in self.topics:
            # Everybody has left meanwhile.
            self._broker.unsubscribe(topic.name)
