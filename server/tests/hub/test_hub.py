"""The hub alone, with a broker whose replays take as long as the test likes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fusewire.broker import BrokerError, MemoryBroker, MemoryStore, Replay
from fusewire.events import EventRegistry
from fusewire.hub import History, Hub, Sessions
from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes
from fusewire.wire.frame import read_frame
from pydantic import BaseModel


class News(BaseModel):
    n: int


class SlowBroker(MemoryBroker):
    """`since` looks, and then waits before it tells."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Semaphore(0)
        self.tell = asyncio.Semaphore(0)
        self.away = False

    async def since(self, topic: str, position: str, *, limit: int, max_bytes: int) -> Replay:
        replay = await super().since(topic, position, limit=limit, max_bytes=max_bytes)
        self.asked.release()
        await self.tell.acquire()
        if self.away:
            raise BrokerError("away")
        return replay


class Listener:
    """A member that notes what it is sent."""

    session_id = "s"

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.topics: list[m.Topic] = []
        self.slow = False

    def push(self, message: bytes) -> None:
        for found, _ in read_frame(message, Sizes()):
            if isinstance(found, m.Event):
                self.seen.append(found.value["n"])
            else:
                assert isinstance(found, m.Topic)
                self.topics.append(found)

    def offer(self, message: bytes, place: object) -> None:
        self.push(message)

    async def push_patiently(self, message: bytes) -> bool:
        await asyncio.sleep(0)
        self.push(message)
        return True

    def too_slow(self) -> None:
        self.slow = True


@pytest.fixture
def broker() -> SlowBroker:
    return SlowBroker()


@pytest.fixture
async def hub(broker: SlowBroker) -> AsyncIterator[Hub]:
    events = EventRegistry()
    events.add(News, history=True)
    async with asyncio.timeout(5), broker.running():
        yield Hub(broker, events, History(), Sessions(MemoryStore(), 60))


async def behind(hub: Hub, missed: int) -> tuple[Listener, asyncio.Task[None]]:
    """A member that comes back to `all` and has missed so much; it is being caught up."""
    first = Listener()
    await hub.attach(first, [])
    assert hub.follow(first, {}) == []
    (topic,) = first.topics
    hub.detach(first)
    # Somebody else is there all the time.
    other = Listener()
    other.session_id = "other"
    await hub.attach(other, [])
    hub.follow(other, {})
    for n in range(missed):
        await hub.publish(["all"], News(n=n))
    member = Listener()
    await hub.attach(member, [])
    assert topic.position is not None
    catching_up = hub.catch_up(member, hub.follow(member, {"all": topic.position}))
    return member, asyncio.create_task(catching_up)  # noqa: TID251  # awaited by the test


async def test_what_comes_during_a_replay_follows_it(hub: Hub, broker: SlowBroker) -> None:
    member, catching_up = await behind(hub, 2)
    for n in (2, 3):
        await broker.asked.acquire()
        await hub.publish(["all"], News(n=n))
        broker.tell.release()
    await broker.asked.acquire()
    broker.tell.release()
    await catching_up
    await hub.publish(["all"], News(n=4))
    assert member.seen == [0, 1, 2, 3, 4]
    assert [topic.recovered for topic in member.topics] == [True]


async def test_who_never_catches_up_is_too_slow(hub: Hub, broker: SlowBroker) -> None:
    member, catching_up = await behind(hub, 1)
    n = 1
    while not catching_up.done():
        await hub.publish(["all"], News(n=n))
        broker.tell.release()
        n += 1
    assert member.slow
    assert member.seen == list(range(len(member.seen)))


async def test_who_leaves_during_a_replay_is_forgotten(hub: Hub, broker: SlowBroker) -> None:
    member, catching_up = await behind(hub, 1)
    await broker.asked.acquire()
    hub.detach(member)
    broker.tell.release()
    await catching_up
    await hub.publish(["all"], News(n=1))
    assert 1 not in member.seen
    assert repr(hub) == "<Hub 1 members, 1 topics>"


async def test_a_broker_that_goes_away_during_a_replay_is_a_gap(hub: Hub, broker: SlowBroker) -> None:
    member, catching_up = await behind(hub, 2)
    await broker.asked.acquire()
    broker.away = True
    broker.tell.release()
    await catching_up
    await hub.publish(["all"], News(n=2))
    assert member.seen == [2]
    assert [topic.recovered for topic in member.topics] == [False]
