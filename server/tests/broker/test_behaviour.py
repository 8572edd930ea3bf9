"""What every broker promises."""

import asyncio

import pytest
from fusewire.broker.port import Broker, Delivery, Retention
from fusewire.broker.positions import after

from server.tests.broker.support import KEPT, Recorder, eventually

TOPIC = "room:lobby"


async def publish(broker: Broker, *messages: bytes, topic: str = TOPIC) -> list[str]:
    positions = [await broker.publish(topic, message, KEPT) for message in messages]
    return [position for position in positions if position is not None]


async def since(
    broker: Broker, position: str, *, limit: int = 1_000, topic: str = TOPIC
) -> list[bytes] | None:
    """None: not recovered."""
    replay = await broker.since(topic, position, limit=limit, max_bytes=1 << 20)
    if replay.recovered:
        expected = position
        for entry in replay.entries:
            assert entry.previous == expected
            assert entry.position is not None
            expected = entry.position
        assert expected == replay.top
        return [entry.message for entry in replay.entries]
    assert not replay.entries, "never partial"
    return None


async def test_events_arrive_in_order_and_name_their_positions(
    broker: Broker, emitter: Broker, recorder: Recorder
) -> None:
    begin = await broker.subscribe(TOPIC, KEPT)
    assert begin is not None
    positions = await publish(emitter, b"one", b"two", b"three")
    await recorder.told(TOPIC, b"one", b"two", b"three")
    chain = zip([begin, *positions], positions, (b"one", b"two", b"three"), strict=False)
    assert [d for _, d in recorder.deliveries] == [Delivery(*link) for link in chain]
    assert all(after(later, earlier) for earlier, later in zip([begin, *positions], positions, strict=False))
    assert broker.healthy


async def test_many_publishers_one_order(broker: Broker, emitter: Broker, recorder: Recorder) -> None:
    await broker.subscribe(TOPIC, KEPT)
    async with asyncio.TaskGroup() as tasks:
        for publisher in range(8):
            tasks.create_task(publish(emitter, *(b"%d-%d" % (publisher, n) for n in range(20))))
    await recorder.until(lambda: len(recorder.deliveries) == 160)
    assert recorder.faults == []
    for publisher in range(8):
        own = [m for m in recorder.messages(TOPIC) if m.startswith(b"%d-" % publisher)]
        assert own == [b"%d-%d" % (publisher, n) for n in range(20)]


async def test_deliveries_go_on_exactly_where_subscribe_left_off(
    broker: Broker, emitter: Broker, recorder: Recorder
) -> None:
    """Subscribed to in the middle of a burst."""

    async def burst() -> None:
        for n in range(200):
            await publish(emitter, b"%d" % n)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(burst())
        await asyncio.sleep(0)
        begin = await broker.subscribe(TOPIC, KEPT)
        seen = len(recorder.deliveries)
        await recorder.until(lambda: recorder.last() == b"199")
        if seen < len(recorder.deliveries):
            assert recorder.deliveries[seen][1].previous == begin
    messages = recorder.messages(TOPIC)
    assert messages == [b"%d" % n for n in range(200 - len(messages), 200)]
    assert await broker.subscribe(TOPIC, KEPT) == recorder.deliveries[-1][1].position
    assert recorder.faults == []
    assert recorder.gaps == []


async def test_two_who_subscribe_at_once_get_the_same_position(broker: Broker) -> None:
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(broker.subscribe(TOPIC, KEPT)) for _ in range(3)]
    assert len({task.result() for task in asked}) == 1


async def test_what_was_unsubscribed_is_not_delivered(
    broker: Broker, emitter: Broker, recorder: Recorder
) -> None:
    await broker.subscribe(TOPIC, KEPT)
    broker.unsubscribe(TOPIC)
    missed = await publish(emitter, b"missed")
    assert [await broker.subscribe(TOPIC, KEPT)] == missed
    await publish(emitter, b"heard")
    await recorder.told(TOPIC, b"heard")


async def test_nobody_waits_for_a_topic_that_was_left(broker: Broker) -> None:
    async with asyncio.timeout(4), asyncio.TaskGroup() as tasks:
        tasks.create_task(broker.subscribe(TOPIC, KEPT))
        await asyncio.sleep(0)
        broker.unsubscribe(TOPIC)


async def test_leaving_and_coming_back_at_once(broker: Broker, emitter: Broker, recorder: Recorder) -> None:
    await broker.subscribe(TOPIC, KEPT)
    for _ in range(5):
        broker.unsubscribe(TOPIC)
        await asyncio.gather(broker.subscribe(TOPIC, KEPT), publish(emitter, b"perhaps"))
    await publish(emitter, b"surely")
    await recorder.until(lambda: recorder.last() == b"surely")
    assert recorder.gaps == []


async def test_an_ephemeral_event_has_no_position_and_keeps_its_place(
    broker: Broker, emitter: Broker, recorder: Recorder
) -> None:
    begin = await broker.subscribe(TOPIC, KEPT)
    assert begin is not None
    await publish(emitter, b"one")
    assert await emitter.publish(TOPIC, b"typing", None) is None
    await publish(emitter, b"two")
    await recorder.told(TOPIC, b"one", b"typing", b"two")
    assert recorder.deliveries[1][1] == Delivery(None, None, b"typing")
    assert await since(broker, begin) == [b"one", b"two"]


@pytest.mark.parametrize("message", [b"", b" ", b"1-1 2-2 x", bytes(range(256)), b"\r\n" * 50_000])
async def test_a_message_is_any_bytes(
    broker: Broker, emitter: Broker, recorder: Recorder, message: bytes
) -> None:
    begin = await broker.subscribe(TOPIC, KEPT)
    assert begin is not None
    await publish(emitter, message)
    await emitter.publish(TOPIC, message, None)
    await recorder.told(TOPIC, message, message)
    assert await since(broker, begin) == [message]


@pytest.mark.parametrize("topic", ["user:ann@example.com", "room:{a}b", "room:}{", "room: é 漢\n", "all"])
async def test_a_topic_is_any_text(broker: Broker, emitter: Broker, recorder: Recorder, topic: str) -> None:
    begin = await broker.subscribe(topic, KEPT)
    await broker.subscribe(topic + "x", KEPT)
    assert begin is not None
    await publish(emitter, b"here", topic=topic)
    await publish(emitter, b"there", topic=topic + "x")
    await recorder.told(topic, b"here")
    await recorder.told(topic + "x", b"there")
    assert await since(broker, begin, topic=topic) == [b"here"]


async def test_since_gives_all_that_came_after(broker: Broker, emitter: Broker) -> None:
    begin = await broker.subscribe(TOPIC, KEPT)
    assert begin is not None
    assert await since(broker, begin) == [], "a position that was taken before there was any event"
    one, two, three = await publish(emitter, b"one", b"two", b"three")
    assert await since(broker, begin) == [b"one", b"two", b"three"]
    assert await since(broker, one) == [b"two", b"three"]
    assert await since(broker, two) == [b"three"]
    assert await since(broker, three) == []


async def test_since_reads_long_histories(broker: Broker, emitter: Broker) -> None:
    begin = await broker.subscribe(TOPIC, KEPT)
    assert begin is not None
    messages = [b"%d" % n for n in range(400)]
    await publish(emitter, *messages)
    assert await since(broker, begin) == messages


async def test_since_is_never_partial(broker: Broker, emitter: Broker) -> None:
    begin = await broker.subscribe(TOPIC, KEPT)
    assert begin is not None
    positions = await publish(emitter, *(b"%4d" % n for n in range(200)))
    assert await since(broker, begin, limit=199) is None
    assert await since(broker, positions[0], limit=199) is not None
    assert (await broker.since(TOPIC, begin, limit=200, max_bytes=800)).recovered
    replay = await broker.since(TOPIC, begin, limit=200, max_bytes=799)
    assert (replay.recovered, list(replay.entries), replay.top) == (False, [], positions[-1])


@pytest.mark.parametrize(
    "position",
    [
        "",
        "0",
        "0-0",
        "1-1",
        "99999999999999-0",
        "abc",
        "-",
        "(1-1",
        "1-1 ",
        "9" * 30 + "-0",
        "1-" + "9" * 30,
        "+",
        "\u0661-\u0661",
    ],
)
async def test_a_position_that_never_was_is_not_recovered(
    broker: Broker, emitter: Broker, position: str
) -> None:
    await broker.subscribe(TOPIC, KEPT)
    assert await since(broker, position) is None
    (top,) = await publish(emitter, b"one")
    assert await since(broker, position) is None
    assert (await broker.since(TOPIC, position, limit=10, max_bytes=100)).top == top


async def test_a_position_of_another_topic_is_not_recovered(broker: Broker, emitter: Broker) -> None:
    await broker.subscribe(TOPIC, KEPT)
    (elsewhere,) = await publish(emitter, b"one", topic="room:other")
    await publish(emitter, b"two")
    assert await since(broker, elsewhere) is None
    assert await since(broker, elsewhere, topic="room:nobody") is None


async def test_history_is_bounded_by_count(broker: Broker, emitter: Broker) -> None:
    """Up to where the history begins a position is recovered, also the last one that is itself no longer kept; before that, none is."""
    begin = await broker.subscribe(TOPIC, KEPT)
    assert begin is not None
    small = Retention(seconds=300, count=10)
    positions = [begin]
    for n in range(300):
        position = await emitter.publish(TOPIC, b"%d" % n, small)
        assert position is not None
        positions.append(position)

    async def recovered(index: int) -> bool:
        messages = await since(broker, positions[index])
        assert messages is None or messages == [b"%d" % n for n in range(index, 300)]
        return messages is not None

    lost, first = 0, 300
    while first - lost > 1:
        middle = (lost + first) // 2
        lost, first = (lost, middle) if await recovered(middle) else (middle, first)
    # A Redis Stream is trimmed by whole nodes, of 100 entries.
    assert 100 <= first <= 290
    assert not await recovered(0)
    assert not await recovered(first - 1)


async def test_what_runs_out_together_does_not_as_long_as_somebody_is_there(
    broker: Broker, emitter: Broker
) -> None:
    brief = Retention(seconds=0.2, count=1_000, together=True)
    begin = await broker.subscribe(TOPIC, brief)
    assert begin is not None
    messages = [b"%d" % n for n in range(150)]
    for message in messages:
        await emitter.publish(TOPIC, message, brief)
    # Longer than it is kept, and longer than it takes until it is looked at again.
    await asyncio.sleep(2.5)
    assert await since(broker, begin) == messages
    await emitter.publish(TOPIC, b"late", brief)
    assert await since(broker, begin) == [*messages, b"late"]
    broker.unsubscribe(TOPIC)

    async def forgotten() -> bool:
        return await since(emitter, begin) is None

    await eventually(forgotten)


async def test_a_position_outlives_its_history_while_somebody_is_there(
    broker: Broker, emitter: Broker
) -> None:
    """Whoever is connected to a quiet topic, and comes back from a short absence, has missed nothing."""
    brief = Retention(seconds=0.2, count=10)
    begin = await broker.subscribe(TOPIC, brief)
    assert begin is not None
    last = await emitter.publish(TOPIC, b"one", brief)
    assert last is not None

    async def forgotten() -> bool:
        return await since(broker, begin) is None

    await eventually(forgotten)
    assert await since(broker, last) == []
    await publish(emitter, b"two")
    assert await since(broker, last) == [b"two"], "though its own event is gone"


@pytest.mark.parametrize(("seconds", "count"), [(0, 1), (-1, 1), (1, 0)])
def test_a_retention_keeps_something(seconds: float, count: int) -> None:
    with pytest.raises(ValueError, match="at least one event"):
        Retention(seconds, count)
