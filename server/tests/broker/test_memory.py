"""The broker of one process: what it keeps, and what it gives back."""

from collections.abc import Callable

import pytest
from fusewire.broker.expiry import Deadlines
from fusewire.broker.memory import MemoryBroker
from fusewire.broker.port import Retention

from server.tests.broker.support import Recorder

BRIEF = Retention(seconds=10, count=3)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Callable[[], float]) -> MemoryBroker:
    broker = MemoryBroker(clock=clock)
    broker.attach(Recorder())
    return broker


async def recovers(memory: MemoryBroker, position: str | None) -> bool:
    assert position is not None
    return (await memory.since("t", position, limit=100, max_bytes=1_000)).recovered


async def test_history_is_trimmed_by_count_to_the_event(memory: MemoryBroker) -> None:
    positions = [await memory.publish("t", b"x", BRIEF) for _ in range(5)]
    assert [await recovers(memory, position) for position in positions] == [False, True, True, True, True]


async def test_history_is_trimmed_by_time(memory: MemoryBroker, clock: Clock) -> None:
    begin = await memory.subscribe("t", BRIEF)
    one = await memory.publish("t", b"1", BRIEF)
    clock.now = 6
    two = await memory.publish("t", b"2", BRIEF)
    clock.now = 11
    assert [await recovers(memory, p) for p in (begin, one, two)] == [False, True, True]
    clock.now = 17
    assert [await recovers(memory, p) for p in (begin, one, two)] == [False, False, True]


async def test_a_topic_that_nobody_needs_is_forgotten(memory: MemoryBroker, clock: Clock) -> None:
    for n in range(100):
        await memory.publish(f"once {n}", b"x", BRIEF)
    position = await memory.subscribe("t", BRIEF)
    clock.now = 10
    await memory.publish("other", b"x", BRIEF)
    assert repr(memory) == "<MemoryBroker 2 topics>"
    memory.unsubscribe("t")
    clock.now = 19
    assert await recovers(memory, position), "for as long as the retention after the last one left"
    clock.now = 20
    assert not await recovers(memory, position)
    assert repr(memory) == "<MemoryBroker 0 topics>"


async def test_what_runs_out_together_counts_from_when_somebody_was_there(
    memory: MemoryBroker, clock: Clock
) -> None:
    together = Retention(seconds=10, count=3, together=True)
    await memory.subscribe("t", together)
    position = await memory.publish("t", b"1", together)
    await memory.publish("t", b"2", together)
    clock.now = 100
    assert await recovers(memory, position)
    memory.unsubscribe("t")
    clock.now = 109
    assert await recovers(memory, position)
    clock.now = 110
    assert not await recovers(memory, position)
    assert repr(memory) == "<MemoryBroker 0 topics>"


async def test_a_topic_that_came_again_does_not_take_the_old_one_for_itself(
    memory: MemoryBroker, clock: Clock
) -> None:
    position = await memory.publish("t", b"x", BRIEF)
    clock.now = 100
    await memory.publish("t", b"y", BRIEF)
    assert not await recovers(memory, position)


async def test_another_process_knows_none_of_its_positions(memory: MemoryBroker) -> None:
    other = MemoryBroker()
    position = await other.publish("t", b"x", BRIEF)
    await memory.publish("t", b"x", BRIEF)
    assert not await recovers(memory, position)


async def test_nothing_is_delivered_to_nobody() -> None:
    memory, recorder = MemoryBroker(), Recorder()
    memory.attach(recorder)
    await memory.publish("t", b"x", BRIEF)
    await memory.publish("t", b"x", None)
    assert recorder.deliveries == []


def test_deadlines_move_and_take_no_room_when_dropped() -> None:
    deadlines = Deadlines()
    for n in range(10_000):
        deadlines.put("often", n)
        deadlines.put(f"dropped {n}", 1_000_000)
        deadlines.drop(f"dropped {n}")
    assert len(deadlines) == 1
    assert len(deadlines._heap) < 100
    deadlines.put("early", 5)
    assert deadlines.pop_due(4) is None
    assert deadlines.pop_due(5) == "early"
    assert deadlines.pop_due(9_998) is None
    assert deadlines.pop_due(9_999) == "often"
    assert deadlines.pop_due(10_000_000) is None
