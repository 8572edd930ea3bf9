"""Redis and the way to it break; what was published arrives all the same, once and in order, or a gap is told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from fusewire.broker.port import BrokerError, Retention
from fusewire.broker.redis.broker import RedisBroker
from redis.asyncio import Redis

from server.tests.broker.conftest import OpenWorker
from server.tests.broker.support import KEPT, QUICK, QUIET, Recorder, eventually
from tests.support.proxy import Proxy
from tests.support.valkey import ValkeyServer

TOPIC = "room:lobby"
pytestmark = pytest.mark.usefixtures("quiet_log")


@pytest.fixture
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="fusewire.broker")


@pytest.fixture
async def proxy(valkey: ValkeyServer) -> AsyncIterator[Proxy]:
    async with Proxy("127.0.0.1", valkey.port).running() as proxy:
        yield proxy


@pytest.fixture
async def emitter(valkey: ValkeyServer, name: str) -> AsyncIterator[RedisBroker]:
    broker = RedisBroker(valkey.url, name=name, timing=QUICK)
    yield broker
    await broker.aclose()


@pytest.fixture
async def redis(valkey: ValkeyServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(valkey.url, protocol=2) as client:
        yield client


def through(proxy: Proxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}"


def pushes(*messages: bytes) -> Callable[[bytes], bool]:
    """Chunks with one of these events; each once."""
    left = set(messages)

    def drop(chunk: bytes) -> bool:
        found = {message for message in left if b"smessage" in chunk and message in chunk}
        left.difference_update(found)
        return bool(found)

    return drop


async def test_links_cut_again_and_again_lose_repeat_and_swap_nothing(
    valkey: ValkeyServer, name: str, open_worker: OpenWorker, proxy: Proxy
) -> None:
    """Two workers listen, three publishers publish; all links but one worker's are cut after every 250 events."""
    count, kept = 4_000, Retention(seconds=300, count=20_000)
    topics = ["room:a", "room:b", "room:c"]
    (whole, near), (broker, far) = await open_worker(valkey.url), await open_worker(through(proxy))
    workers = [await open_worker(through(proxy)) for _ in topics]
    for topic in topics:
        await broker.subscribe(topic, kept)
    await whole.subscribe(topics[0], kept)
    before = proxy.accepted
    total = 0

    async def publish(emitter: RedisBroker, topic: str) -> list[bytes]:
        nonlocal total
        accepted = []
        for n in range(count):
            message = b"%s %d" % (topic.encode(), n)
            # Nobody knows whether an event arrived whose publishing raised.
            with contextlib.suppress(BrokerError):
                await emitter.publish(topic, message, kept)
                accepted.append(message)
            total += 1
            if total % 250 == 0:
                proxy.cut()
        return accepted

    async with asyncio.TaskGroup() as tasks:
        publishing = {
            topic: tasks.create_task(publish(emitter, topic))
            for (emitter, _), topic in zip(workers, topics, strict=True)
        }
    for topic, published in publishing.items():
        accepted = published.result()
        seen = far.messages(topic)
        await far.until(lambda seen=seen, last=accepted[-1]: last in seen[-3:])  # type: ignore[misc]
        assert len(accepted) > 0.99 * count
        numbers = [int(message.split()[1]) for message in seen]
        assert numbers == sorted(set(numbers)), "nothing twice, nothing out of order"
        assert set(accepted) <= set(seen), "nothing lost"
    assert near.messages(topics[0]) == far.messages(topics[0])
    assert far.faults == near.faults == []
    assert far.gaps == []
    assert proxy.accepted - before > 4 * count * 3 / 250, "all of them were, each time"


async def test_what_was_published_while_the_link_was_down_comes_before_what_is_new(
    open_worker: OpenWorker, proxy: Proxy, emitter: RedisBroker
) -> None:
    broker, recorder = await open_worker(through(proxy))
    for n in range(300):
        await broker.subscribe(f"quiet:{n}", KEPT)
    await broker.subscribe(TOPIC, KEPT)
    proxy.refusing = True
    proxy.cut()
    await eventually(lambda: not broker.healthy)
    messages = [b"%d" % n for n in range(300)]
    for message in messages:
        await emitter.publish(TOPIC, message, KEPT)
    proxy.refusing = False
    await eventually(lambda: broker.healthy)
    await emitter.publish(TOPIC, b"new", KEPT)
    await recorder.told(TOPIC, *messages, b"new")
    assert recorder.gaps == []


async def test_a_longer_absence_than_the_history_is_a_gap(
    open_worker: OpenWorker, proxy: Proxy, emitter: RedisBroker
) -> None:
    small = Retention(seconds=300, count=1)
    broker, recorder = await open_worker(through(proxy))
    await broker.subscribe(TOPIC, small)
    proxy.refusing = True
    proxy.cut()
    for n in range(300):
        top = await emitter.publish(TOPIC, b"%d" % n, small)
    proxy.refusing = False
    await recorder.until(lambda: bool(recorder.gaps))
    assert recorder.gaps == [(TOPIC, top)]
    await emitter.publish(TOPIC, b"new", small)
    await recorder.told(TOPIC, b"new")


async def test_a_hole_is_seen_by_the_event_behind_it(
    open_worker: OpenWorker, proxy: Proxy, emitter: RedisBroker
) -> None:
    broker, recorder = await open_worker(through(proxy), timing=QUIET)
    await broker.subscribe(TOPIC, KEPT)
    proxy.down.drop = pushes(b"two", b"three")
    for message in (b"one", b"two", b"three", b"four"):
        await emitter.publish(TOPIC, message, KEPT)
        await asyncio.sleep(0.02)  # a chunk of its own
    await recorder.told(TOPIC, b"one", b"two", b"three", b"four")
    assert proxy.down.dropped.is_set()
    assert recorder.gaps == []


async def test_silent_loss_is_found_where_nothing_follows(
    open_worker: OpenWorker, proxy: Proxy, emitter: RedisBroker
) -> None:
    broker, recorder = await open_worker(through(proxy), timing=replace(QUIET, check=0.2))
    await broker.subscribe(TOPIC, KEPT)
    proxy.down.drop = pushes(b"swallowed")
    await emitter.publish(TOPIC, b"swallowed", KEPT)
    await proxy.down.dropped.wait()
    await recorder.told(TOPIC, b"swallowed")
    assert recorder.gaps == []


async def test_a_half_open_link_is_noticed(
    open_worker: OpenWorker, proxy: Proxy, emitter: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fusewire.broker.redis.nodes.ANSWER_SECONDS", 0.5)
    broker, recorder = await open_worker(through(proxy), timing=replace(QUIET, idle=0.2))
    await broker.subscribe(TOPIC, KEPT)
    before = proxy.accepted
    proxy.half_open()
    await emitter.publish(TOPIC, b"into the void", KEPT)
    await recorder.told(TOPIC, b"into the void")
    assert proxy.accepted > before


async def test_a_slow_network_is_no_fault(
    open_worker: OpenWorker, proxy: Proxy, emitter: RedisBroker
) -> None:
    proxy.down.delay_seconds = proxy.up.delay_seconds = 0.05
    broker, recorder = await open_worker(through(proxy))
    await broker.subscribe(TOPIC, KEPT)
    messages = [b"%d" % n for n in range(50)]
    for message in messages:
        await emitter.publish(TOPIC, message, KEPT)
    await recorder.told(TOPIC, *messages)
    assert recorder.gaps == []


async def test_frames_that_come_again_or_late_are_dropped(
    open_worker: OpenWorker, valkey: ValkeyServer, name: str, emitter: RedisBroker, redis: Redis
) -> None:
    broker, recorder = await open_worker(valkey.url, timing=QUIET)
    begin = await broker.subscribe(TOPIC, KEPT)
    one = await emitter.publish(TOPIC, b"one", KEPT)
    two = await emitter.publish(TOPIC, b"two", KEPT)
    key = f"fusewire:{{{name}:{TOPIC}}}"
    for frame in (f"{one} {two} two", f"{begin} {one} one"):
        assert await redis.execute_command("SPUBLISH", key, frame) == 1  # type: ignore[no-untyped-call]
    await emitter.publish(TOPIC, b"three", KEPT)
    await recorder.told(TOPIC, b"one", b"two", b"three")


async def test_a_server_that_lost_some_events_is_a_gap(
    open_worker: OpenWorker, valkey: ValkeyServer, name: str, emitter: RedisBroker, redis: Redis
) -> None:
    """A replica that was behind took over: what it never got, listeners have seen."""
    broker, recorder = await open_worker(valkey.url, timing=QUIET)
    await broker.subscribe(TOPIC, KEPT)
    one = await emitter.publish(TOPIC, b"one", KEPT)
    key = f"fusewire:{{{name}:{TOPIC}}}"
    behind = await redis.dump(key)
    two = await emitter.publish(TOPIC, b"two", KEPT)
    await recorder.told(TOPIC, b"one", b"two")
    assert behind is not None
    assert one is not None
    assert two is not None
    await redis.restore(key, 60_000, behind, replace=True)
    three = await emitter.publish(TOPIC, b"three", KEPT)
    # Higher or lower than what was lost, in the same millisecond.
    await recorder.until(lambda: bool(recorder.gaps))
    assert recorder.gaps == [(TOPIC, three)]
    assert not (await broker.since(TOPIC, two, limit=10, max_bytes=100)).recovered
    assert [e.message for e in (await broker.since(TOPIC, one, limit=10, max_bytes=100)).entries] == [
        b"three"
    ]


async def test_a_server_that_begins_again_below_is_a_gap(
    open_worker: OpenWorker, valkey: ValkeyServer, name: str, emitter: RedisBroker, redis: Redis
) -> None:
    """It lost its events, and its clock is behind: what it publishes now looks as if it had been before."""
    broker, recorder = await open_worker(valkey.url, timing=QUIET)
    await broker.subscribe(TOPIC, KEPT)
    await emitter.publish(TOPIC, b"one", KEPT)
    await recorder.told(TOPIC, b"one")
    key = f"fusewire:{{{name}:{TOPIC}}}"
    await redis.delete(key)
    await redis.xadd(key, {"p": "1-0", "t": "", "m": "low"}, id="1-1")
    await redis.expire(key, 60)
    await redis.execute_command("SPUBLISH", key, "1-0 1-1 low")  # type: ignore[no-untyped-call]
    await recorder.until(lambda: bool(recorder.gaps))
    assert recorder.gaps == [(TOPIC, "1-1")]


async def test_an_event_whose_answer_was_lost_is_not_published_twice(
    proxy: Proxy, valkey: ValkeyServer, name: str, open_worker: OpenWorker
) -> None:
    broker, recorder = await open_worker(valkey.url)
    begin = await broker.subscribe(TOPIC, KEPT)
    emitter = RedisBroker(through(proxy), name=name, timing=QUICK)
    first = await emitter.publish(TOPIC, b"first", KEPT)
    proxy.down.open.clear()
    async with asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(emitter.publish(TOPIC, b"second", KEPT))
        await recorder.told(TOPIC, b"first", b"second")
        proxy.cut()
        proxy.down.open.set()
    await emitter.publish(TOPIC, b"third", KEPT)
    await recorder.told(TOPIC, b"first", b"second", b"third")
    assert publishing.result() == recorder.deliveries[1][1].position
    assert begin is not None
    assert first is not None
    assert len((await broker.since(TOPIC, begin, limit=10, max_bytes=100)).entries) == 3
    await emitter.aclose()


async def test_redis_restarted_without_its_data_is_a_gap(
    own_server: ValkeyServer, open_worker: OpenWorker, name: str
) -> None:
    broker, recorder = await open_worker(own_server.url)
    await broker.subscribe(TOPIC, KEPT)
    await broker.subscribe("quiet", KEPT)
    old = await broker.publish(TOPIC, b"old", KEPT)
    await recorder.told(TOPIC, b"old")
    await asyncio.to_thread(own_server.stop)
    await eventually(lambda: not broker.healthy)
    with pytest.raises(BrokerError) as caught:
        await broker.publish(TOPIC, b"refused", KEPT)
    assert str(own_server.port) not in str(caught.value)
    with pytest.raises(BrokerError):
        await broker.publish(TOPIC, b"refused", None)
    assert await broker.subscribe("late", KEPT) is None, "and who asks now is not kept waiting"
    await asyncio.to_thread(own_server.start)
    await recorder.until(lambda: len(recorder.gaps) == 3)
    assert {topic for topic, _ in recorder.gaps} == {TOPIC, "quiet", "late"}
    assert old is not None
    assert not (await broker.since(TOPIC, old, limit=10, max_bytes=100)).recovered
    for topic in (TOPIC, "quiet", "late"):
        await broker.publish(topic, b"new", KEPT)
    await recorder.told(TOPIC, b"old", b"new")
    await recorder.told("quiet", b"new")
    await recorder.told("late", b"new")
    assert broker.healthy


async def test_a_worker_starts_without_redis(own_server: ValkeyServer, open_worker: OpenWorker) -> None:
    await asyncio.to_thread(own_server.stop)
    broker, recorder = await open_worker(own_server.url, timing=replace(QUICK, confirm=0.3))
    assert not broker.healthy
    assert await broker.subscribe(TOPIC, KEPT) is None
    await asyncio.to_thread(own_server.start)
    await recorder.until(lambda: bool(recorder.gaps))
    await broker.publish(TOPIC, b"new", KEPT)
    await recorder.told(TOPIC, b"new")


async def test_a_stalled_redis_is_not_waited_for_without_end(
    proxy: Proxy, open_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fusewire.broker.redis.nodes.ANSWER_SECONDS", 0.3)
    broker, _ = await open_worker(through(proxy), timing=QUIET)
    proxy.down.open.clear()
    with pytest.raises(BrokerError, match="may have been published or not"):
        await broker.publish(TOPIC, b"one", KEPT)
    proxy.down.open.set()


async def test_a_worker_hears_nothing_of_users_it_does_not_hold(
    proxy: Proxy, open_worker: OpenWorker, emitter: RedisBroker
) -> None:
    broker, recorder = await open_worker(through(proxy), timing=QUIET)
    await broker.subscribe("user:mine", KEPT)
    await broker.subscribe("user:gone", KEPT)
    broker.unsubscribe("user:gone")
    await emitter.publish("user:mine", b"one", KEPT)
    await recorder.told("user:mine", b"one")
    received = proxy.down.passed
    for n in range(500):
        await emitter.publish(f"user:{n}", b"x", KEPT)
        await emitter.publish("user:gone", b"x", None)
    await asyncio.sleep(0.05)
    assert proxy.down.passed == received
    await emitter.publish("user:mine", b"two", KEPT)
    await recorder.told("user:mine", b"one", b"two")
    assert proxy.down.passed > received


async def test_apps_of_other_names_hear_nothing(
    valkey: ValkeyServer, open_worker: OpenWorker, emitter: RedisBroker
) -> None:
    broker, recorder = await open_worker(valkey.url)
    stranger, overheard = await open_worker(valkey.url, name="another")
    await broker.subscribe(TOPIC, KEPT)
    await stranger.subscribe(TOPIC, KEPT)
    await emitter.publish(TOPIC, b"for you", KEPT)
    await recorder.told(TOPIC, b"for you")
    assert overheard.deliveries == []


async def test_nothing_is_left_in_redis_for_ever(
    valkey: ValkeyServer, name: str, open_worker: OpenWorker, emitter: RedisBroker, redis: Redis
) -> None:
    broker, _ = await open_worker(valkey.url)
    kept = Retention(seconds=0.5, count=10)
    await broker.subscribe("subscribed", kept)
    await emitter.publish("published", b"x", kept)
    await broker.since("asked", "1-1", limit=1, max_bytes=1)
    keys = await redis.keys(f"*{name}*")
    assert len(keys) == 3
    for key in keys:
        assert 0 < await redis.ttl(key) <= 62
    broker.unsubscribe("subscribed")

    async def one_left() -> bool:
        return len(await redis.keys(f"*{name}*")) == 1

    await eventually(one_left)


def test_a_broker_runs_again_in_another_event_loop(valkey: ValkeyServer, name: str) -> None:
    broker = RedisBroker(valkey.url, name=name, timing=QUICK)

    async def run(message: bytes) -> None:
        recorder = Recorder()
        broker.attach(recorder)
        async with broker.running():
            await broker.subscribe(TOPIC, KEPT)
            await broker.publish(TOPIC, message, KEPT)
            await recorder.told(TOPIC, message)

    asyncio.run(run(b"one"))
    asyncio.run(run(b"two"))


@pytest.mark.parametrize("url", ["http://user:hunter2@host", "redis", "", "unix:///tmp/redis.sock"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="redis") as caught:
        RedisBroker(url)
    assert "hunter2" not in str(caught.value)
