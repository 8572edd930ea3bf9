"""Members that come back are sent what they missed: each event once, in order, before new ones; or none, and are told so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from fusewire.broker.backoff import Backoff, full_jitter
from fusewire.broker.port import Broker, BrokerError, Delivery
from fusewire.broker.positions import after
from fusewire.hub.history import History
from fusewire.hub.topics import CATCHING_UP, Member, Topic
from fusewire.wire.codec import write
from fusewire.wire.messages import Topic as TopicMessage

REPLAYS = 8
"""How many members one worker catches up at a time: each may hold `REPLAY_BYTES` of events meanwhile."""
REPLAY_BYTES = 16 * 1024 * 1024
"""Events of a topic that come to more than this are not recovered."""
TURN_SECONDS = 10.0
"""For so long a member that reads slowly may keep others waiting for their turn. Then it is closed as slow; it goes on from where it is."""
ROUNDS = 64
"""How often a member is sent what came while it was sent what came before. One that is behind even then is too slow."""
AGAIN: Backoff = full_jitter(0.1, 5.0)
"""Before a broker that was away is asked again."""

Write = Callable[[str, Delivery], bytes | None]
"""What a member is sent of a topic's event; None when it does not fit this version of the app."""


class Replays:
    def __init__(self, broker: Broker, history: History, written: Write) -> None:
        self._broker = broker
        self._history = history
        self._written = written
        self._turns = asyncio.Semaphore(REPLAYS)
        self._waiting = 0

    def __repr__(self) -> str:
        return f"<Replays locked={self._turns.locked()}>"

    async def catch_up(self, member: Member, topic: Topic, position: str) -> None:
        """Until it has all, is told that it cannot be had, or is gone. A broker that is away is waited for."""
        replay = Replay(member, topic, position)
        failures = 0
        while replay.wanted():
            try:
                async with self._turn():
                    if await self._go_on(replay):
                        return
            except BrokerError:
                failures += 1
            else:
                # It answers, and has not yet said where the topic stands.
                failures = 1
            await asyncio.sleep(AGAIN(failures))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def _sent(self, replay: Replay, messages: Iterable[bytes]) -> bool:
        """Queue them as there is room. False when they are not wanted any more, or it takes too long."""
        loop = asyncio.get_running_loop()
        until = loop.time() + TURN_SECONDS
        for message in messages:
            while True:
                try:
                    async with asyncio.timeout_at(until):
                        if not await replay.member.push_patiently(message, replay.wanted):
                            return False
                        break
                except TimeoutError:
                    if self._waiting:
                        replay.member.too_slow()
                        return False
                    until = loop.time() + TURN_SECONDS
        return True

    async def _go_on(self, replay: Replay) -> bool:
        """Whether it is over. Raises `BrokerError`."""
        member, topic = replay.member, replay.topic
        most = self._history.of(topic.name).count
        while replay.rounds < ROUNDS:
            found = await self._broker.since(topic.name, replay.position, limit=most, max_bytes=REPLAY_BYTES)
            if not replay.wanted():
                return True
            messages = [
                message
                for entry in found.entries
                if (message := self._written(topic.name, entry)) is not None
            ]
            if not found.recovered or len(messages) < len(found.entries):
                lose(member, topic, found.top)
                return True
            if not replay.begun:
                messages.insert(0, write(TopicMessage(topic.name, replay.position, recovered=True)))
            if not await self._sent(replay, messages):
                return True
            replay.begun, replay.position = True, found.top
            if topic.position is None:
                # Nothing arrives yet. What is published until it does is asked for then.
                return False
            if not after(topic.position, found.top):
                live(member, topic, found.top)
                return True
            replay.rounds += 1
        member.too_slow()
        return True


class Replay:
    """How far one member is. `begun`: whether it was told that it is recovered."""

    __slots__ = ("begun", "member", "position", "rounds", "topic")

    def __init__(self, member: Member, topic: Topic, position: str) -> None:
        self.member = member
        self.topic = topic
        self.position = position
        self.begun = False
        self.rounds = 0

    def wanted(self) -> bool:
        """False when the member has left, whose affair the topic is no more, or was begun with anew."""
        return self.topic.members.get(self.member) == CATCHING_UP

    def __repr__(self) -> str:
        return f"<Replay {self.topic.name} {self.position}>"


def lose(member: Member, topic: Topic, top: str | None) -> None:
    """It goes on without what it missed, and is told."""
    position = topic.position
    if position is None or (top is not None and after(top, position)):
        position = top
    if position is not None:
        member.push(write(TopicMessage(topic.name, position, recovered=False)))
    live(member, topic, position)


def live(member: Member, topic: Topic, state: str | None) -> None:
    """From here on it is sent everything behind `state`."""
    # It may have left meanwhile.
    if member in topic.members:
        topic.members[member] = None if state == topic.position else state
