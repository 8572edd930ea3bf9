"""The hub alone, with a broker whose replays take as long as the test likes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fusewire.broker import BrokerError, MemoryBroker, MemoryStore, Replay, Retention
from fusewire.events import EventRegistry
from fusewire.hub import History, Hub, Sessions, replays
from fusewire.wire import messages as m
from fusewire.wire.codec import Sizes
from fusewire.wire.frame import read_frame
from pydantic import BaseModel

pytestmark = pytest.mark.timeout(20)


class News(BaseModel):
    n: int


class SlowBroker(MemoryBroker):
    """`since` looks, and then waits before it tells."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Semaphore(0)
        self.tell = asyncio.Semaphore(0)
        self.away = False
        self.silent = False
        """Nothing arrives, and where a topic stands is not known."""

    async def subscribe(self, topic: str, retention: Retention) -> Any:
        return None if self.silent else await super().subscribe(topic, retention)

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
        self.told = asyncio.Event()
        """An event came."""

    def push(self, message: bytes) -> None:
        for found, _ in read_frame(message, Sizes()):
            if isinstance(found, m.Event):
                self.seen.append(found.value["n"])
                self.told.set()
            else:
                assert isinstance(found, m.Topic)
                self.topics.append(found)

    def offer(self, message: bytes, place: object) -> None:
        self.push(message)

    async def push_patiently(self, message: bytes, wanted: Callable[[], bool]) -> bool:
        await asyncio.sleep(0)
        if wanted():
            self.push(message)
        return wanted()

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
        yield Hub(broker, events, History(), Sessions(MemoryStore(), 60), rooms=256)


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


async def test_who_reads_slowly_keeps_nobody_waiting_for_long(
    hub: Hub, broker: SlowBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "TURN_SECONDS", 0.05)

    class Stuck(Listener):
        async def push_patiently(self, message: bytes, wanted: Callable[[], bool]) -> bool:
            self.told.set()
            await asyncio.Event().wait()
            return False

    first, catching_up = await behind(hub, 3)
    broker.tell = asyncio.Semaphore(1000)
    await catching_up
    start = first.topics[0].position
    assert start is not None
    stuck = [Stuck() for _ in range(replays.REPLAYS)]
    async with asyncio.TaskGroup() as tasks:
        waiting = []
        for number, member in enumerate(stuck):
            member.session_id = f"stuck {number}"
            await hub.attach(member, [])
            behind_now = hub.follow(member, {"all": start})
            waiting.append(tasks.create_task(hub.catch_up(member, behind_now)))
        for member in stuck:
            await member.told.wait()
        assert not any(member.slow for member in stuck), "alone they may take their time"
        victim = Listener()
        victim.session_id = "victim"
        await hub.attach(victim, [])
        await hub.catch_up(victim, hub.follow(victim, {"all": start}))
        # As many as had to make room: when nobody waits any more the others take their time again.
        for task in waiting:
            task.cancel()
    assert victim.seen == [0, 1, 2]
    assert any(member.slow for member in stuck)


async def test_who_leaves_during_a_replay_is_forgotten(hub: Hub, broker: SlowBroker) -> None:
    member, catching_up = await behind(hub, 1)
    await broker.asked.acquire()
    hub.detach(member)
    broker.tell.release()
    await catching_up
    await hub.publish(["all"], News(n=1))
    assert 1 not in member.seen
    assert repr(hub) == "<Hub 1 members, 1 topics>"


async def test_who_leaves_a_topic_during_a_replay_is_sent_no_more_of_it(hub: Hub, broker: SlowBroker) -> None:
    """A right that is withdrawn meanwhile wins."""
    member, catching_up = await behind(hub, 3)
    await broker.asked.acquire()
    broker.tell.release()
    await member.told.wait()
    hub._listeners.leave(member, "all")
    await catching_up
    assert member.seen == [0]


async def test_a_broker_that_goes_away_during_a_replay_is_waited_for(hub: Hub, broker: SlowBroker) -> None:
    member, catching_up = await behind(hub, 2)
    broker.away = True
    for _ in range(2):
        await broker.asked.acquire()
        broker.tell.release()
    await broker.asked.acquire()
    broker.away = False
    await hub.publish(["all"], News(n=2))
    broker.tell.release()
    await broker.asked.acquire()
    broker.tell.release()
    await catching_up
    assert member.seen == [0, 1, 2]
    assert [topic.recovered for topic in member.topics] == [True]


async def test_who_comes_back_while_the_broker_is_away_misses_nothing(hub: Hub, broker: SlowBroker) -> None:
    """Its topic is heard again only later; what was published before that comes first."""
    first = Listener()
    await hub.attach(first, [])
    hub.follow(first, {})
    hub.detach(first)
    await hub.publish(["all"], News(n=0))
    broker.silent = True
    member = Listener()
    await hub.attach(member, [])
    position = first.topics[0].position
    assert position is not None
    behind = hub.follow(member, {"all": position})
    assert member.topics == []
    catching_up = asyncio.create_task(hub.catch_up(member, behind))  # noqa: TID251  # awaited below
    broker.tell.release()
    await broker.asked.acquire()
    await member.told.wait()
    await hub.publish(["all"], News(n=1))
    assert member.seen == [0], "nothing arrives"
    # It is heard again, and says where it stands.
    broker.silent = False
    hub.gap("all", await broker.subscribe("all", History().of("all")))
    broker.tell.release()
    await catching_up
    await hub.publish(["all"], News(n=2))
    assert member.seen == [0, 1, 2]
    assert [topic.recovered for topic in member.topics] == [True]
