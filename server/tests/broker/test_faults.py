"""The way to Redis breaks; what was published arrives all the same, once and in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from fusewire.broker.port import BrokerError, Retention
from fusewire.broker.redis import RedisBroker, RedisStore
from fusewire.broker.redis.nodes import Nodes
from redis.exceptions import TimeoutError as RedisTimeoutError

from server.tests.broker.conftest import OpenWorker
from server.tests.broker.support import KEPT, QUICK, QUIET, eventually
from tests.support.proxy import Proxy
from tests.support.valkey import ValkeyServer

TOPIC = "room:lobby"
pytestmark = pytest.mark.usefixtures("quiet_log")


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

    async def publish(publisher: RedisBroker, topic: str) -> list[bytes]:
        nonlocal total
        accepted = []
        for n in range(count):
            message = b"%s %d" % (topic.encode(), n)
            # Nobody knows whether an event arrived whose publishing raised.
            with contextlib.suppress(BrokerError):
                await publisher.publish(topic, message, kept)
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
        await far.until(partial(_is_among_the_last, accepted[-1], seen))
        assert len(accepted) > 0.99 * count
        numbers = [int(message.split()[1]) for message in seen]
        assert numbers == sorted(set(numbers)), "nothing twice, nothing out of order"
        assert set(accepted) <= set(seen), "nothing lost"
    assert near.messages(topics[0]) == far.messages(topics[0])
    assert far.faults == near.faults == []
    assert far.gaps == []
    assert proxy.accepted - before > 4 * count * 3 / 250, "all of them were, each time"


async def test_what_was_published_while_the_link_was_down_comes_before_what_is_new(
    open_worker: OpenWorker, proxy: Proxy, publisher: RedisBroker
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
        await publisher.publish(TOPIC, message, KEPT)
    proxy.refusing = False
    await eventually(lambda: broker.healthy)
    await publisher.publish(TOPIC, b"new", KEPT)
    await recorder.told(TOPIC, *messages, b"new")
    assert recorder.gaps == []


async def test_a_longer_absence_than_the_history_is_a_gap(
    open_worker: OpenWorker, proxy: Proxy, publisher: RedisBroker
) -> None:
    small = Retention(seconds=300, count=1)
    broker, recorder = await open_worker(through(proxy))
    await broker.subscribe(TOPIC, small)
    proxy.refusing = True
    proxy.cut()
    for n in range(300):
        top = await publisher.publish(TOPIC, b"%d" % n, small)
    proxy.refusing = False
    await recorder.until(lambda: bool(recorder.gaps))
    assert recorder.gaps == [(TOPIC, top)]
    await publisher.publish(TOPIC, b"new", small)
    await recorder.told(TOPIC, b"new")


async def test_a_hole_is_seen_by_the_event_behind_it(
    open_worker: OpenWorker, proxy: Proxy, publisher: RedisBroker
) -> None:
    broker, recorder = await open_worker(through(proxy), timing=QUIET)
    await broker.subscribe(TOPIC, KEPT)
    proxy.down.drop = pushes(b"two", b"three")
    for message in (b"one", b"two", b"three", b"four"):
        await publisher.publish(TOPIC, message, KEPT)
        await asyncio.sleep(0.02)  # a chunk of its own
    await recorder.told(TOPIC, b"one", b"two", b"three", b"four")
    assert proxy.down.dropped.is_set()
    assert recorder.gaps == []


async def test_silent_loss_is_found_where_nothing_follows(
    open_worker: OpenWorker, proxy: Proxy, publisher: RedisBroker
) -> None:
    broker, recorder = await open_worker(through(proxy), timing=replace(QUIET, check=0.2))
    await broker.subscribe(TOPIC, KEPT)
    proxy.down.drop = pushes(b"swallowed")
    await publisher.publish(TOPIC, b"swallowed", KEPT)
    await proxy.down.dropped.wait()
    await recorder.told(TOPIC, b"swallowed")
    assert recorder.gaps == []


async def test_a_half_open_link_is_noticed(
    open_worker: OpenWorker, proxy: Proxy, publisher: RedisBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fusewire.broker.redis.nodes.ANSWER_SECONDS", 0.5)
    broker, recorder = await open_worker(through(proxy), timing=replace(QUIET, idle=0.2))
    await broker.subscribe(TOPIC, KEPT)
    before = proxy.accepted
    proxy.half_open()
    await publisher.publish(TOPIC, b"into the void", KEPT)
    await recorder.told(TOPIC, b"into the void")
    assert proxy.accepted > before


async def test_who_was_not_asked_has_not_fallen_silent(
    open_worker: OpenWorker, proxy: Proxy, publisher: RedisBroker
) -> None:
    idle = 0.5
    loop = asyncio.get_running_loop()
    broker, recorder = await open_worker(through(proxy), timing=replace(QUIET, idle=idle))
    began = loop.time()
    await broker.subscribe(TOPIC, KEPT)
    before = proxy.accepted
    await asyncio.sleep(idle / 10)
    await publisher.publish(TOPIC, b"the last word for long", KEPT)
    await recorder.told(TOPIC, b"the last word for long")
    # When it has been silent for nearly twice as long the worker is busy for a moment: it must have asked before.
    loop.call_at(began + 2 * idle - 0.02, time.sleep, 0.2)
    await asyncio.sleep(3 * idle)
    assert proxy.accepted == before
    assert recorder.gaps == []


async def test_the_idle_links_outlast_a_new_one_that_does_not_come_about(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fusewire.broker.redis.nodes.ANSWER_SECONDS", 0.2)
    nodes = Nodes(through(proxy), backoff=QUICK.repeat)
    assert await nodes.execute("key", "PING")
    proxy.stalling = True
    with pytest.raises(RedisTimeoutError):
        await nodes.open(nodes.address(0))
    assert await nodes.execute("key", "PING")
    proxy.stalling = False
    await nodes.aclose()


async def test_a_slow_network_is_no_fault(
    open_worker: OpenWorker, proxy: Proxy, publisher: RedisBroker
) -> None:
    proxy.down.delay_seconds = proxy.up.delay_seconds = 0.05
    broker, recorder = await open_worker(through(proxy))
    await broker.subscribe(TOPIC, KEPT)
    messages = [b"%d" % n for n in range(50)]
    for message in messages:
        await publisher.publish(TOPIC, message, KEPT)
    await recorder.told(TOPIC, *messages)
    assert recorder.gaps == []


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


async def test_a_stalled_redis_is_not_waited_for_without_end(
    proxy: Proxy, open_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fusewire.broker.redis.nodes.ANSWER_SECONDS", 0.3)
    broker, _ = await open_worker(through(proxy), timing=QUIET)
    proxy.down.open.clear()
    with pytest.raises(BrokerError, match="may have been published or not"):
        await broker.publish(TOPIC, b"one", KEPT)
    proxy.down.open.set()


async def test_one_half_open_link_is_the_end_of_the_idle_ones(
    proxy: Proxy, valkey: ValkeyServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise each of them would keep somebody else waiting."""
    monkeypatch.setattr("fusewire.broker.redis.nodes.ANSWER_SECONDS", 0.3)
    store = RedisStore(through(proxy), name=name, timing=QUICK)
    proxy.down.open.clear()
    async with asyncio.TaskGroup() as tasks:
        for n in range(8):
            tasks.create_task(store.get(str(n)))
        await eventually(lambda: proxy.accepted == 8)
        proxy.down.open.set()
    proxy.half_open()
    assert proxy.dead_links == 8
    with contextlib.suppress(BrokerError):
        await store.get("0")
    await eventually(lambda: proxy.dead_links == 0)
    assert await store.get("0") is None
    await store.aclose()


async def test_a_redis_that_is_restarted_is_waited_for(
    own_server: ValkeyServer, name: str, open_worker: OpenWorker
) -> None:
    """Whoever asks meanwhile is answered when it is back."""
    broker, _ = await open_worker(own_server.url)
    store = RedisStore(own_server.url, name=name, timing=QUICK)
    await store.set("before", b"1", ttl_seconds=60)
    await asyncio.to_thread(own_server.stop)
    async with asyncio.TaskGroup() as tasks:
        published = tasks.create_task(broker.publish(TOPIC, b"one", KEPT))
        written = tasks.create_task(store.set_fields("hash", {"a": b"1"}, ttl_seconds=60))
        read = tasks.create_task(store.get_many(["one", "other"]))
        await asyncio.sleep(0.5)
        assert not published.done()
        await asyncio.to_thread(own_server.start)
    assert published.result() is not None
    assert written.result() is None
    assert read.result() == [None, None]
    assert await store.fields("hash") == {"a": b"1"}
    await store.aclose()


async def test_nobody_waits_for_a_redis_that_stays_away(
    own_server: ValkeyServer, name: str, open_worker: OpenWorker
) -> None:
    impatient = replace(QUICK, patience=0.2)
    broker, _ = await open_worker(own_server.url, timing=impatient)
    store = RedisStore(own_server.url, name=name, timing=impatient)
    await asyncio.to_thread(own_server.stop)
    began = asyncio.get_running_loop().time()
    for _ in range(3):
        with pytest.raises(BrokerError):
            await broker.publish(TOPIC, b"one", KEPT)
        with pytest.raises(BrokerError):
            await store.get("one")
        assert await store.get_many([]) == [], "and nothing is learnt from it"
    assert asyncio.get_running_loop().time() - began < 3
    await store.aclose()


async def test_an_outage_is_told_when_it_begins_and_when_it_is_over(
    open_worker: OpenWorker, proxy: Proxy, publisher: RedisBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """However often the link is tried meanwhile, and the topics' positions with it."""
    caplog.set_level(logging.WARNING, logger="fusewire.broker")
    broker, recorder = await open_worker(through(proxy), timing=replace(QUICK, check=0.05))
    await broker.subscribe(TOPIC, KEPT)
    for _ in range(2):
        proxy.refusing = True
        proxy.cut()
        await eventually(partial(_has_been_tried, proxy, proxy.accepted + 9))
        proxy.refusing = False
        await eventually(lambda: broker.healthy)
    await publisher.publish(TOPIC, b"new", KEPT)
    await recorder.told(TOPIC, b"new")
    told = [record.getMessage() for record in caplog.records]
    of_link = [text for text in told if "the link to Redis" in text]
    assert [text.split(" is ")[1].split(",")[0].split(":")[0] for text in of_link] == ["down", "back"] * 2
    assert len(told) <= 2 * len(of_link), told


async def test_the_reason_of_an_outage_is_told_in_words(
    open_worker: OpenWorker, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="fusewire.broker")
    broker, _ = await open_worker(through(proxy), timing=replace(QUIET, idle=0.2))
    await broker.subscribe(TOPIC, KEPT)
    proxy.half_open()
    await eventually(lambda: bool(caplog.records))
    assert caplog.records[0].getMessage() == "! the link to Redis is down: Redis fell silent (TimeoutError)"


async def test_a_worker_hears_nothing_of_users_it_does_not_hold(
    proxy: Proxy, open_worker: OpenWorker, publisher: RedisBroker
) -> None:
    broker, recorder = await open_worker(through(proxy), timing=QUIET)
    await broker.subscribe("user:mine", KEPT)
    await broker.subscribe("user:gone", KEPT)
    broker.unsubscribe("user:gone")
    await publisher.publish("user:mine", b"one", KEPT)
    await recorder.told("user:mine", b"one")
    received = proxy.down.passed
    for n in range(500):
        await publisher.publish(f"user:{n}", b"x", KEPT)
        await publisher.publish("user:gone", b"x", None)
    await asyncio.sleep(0.05)
    assert proxy.down.passed == received
    await publisher.publish("user:mine", b"two", KEPT)
    await recorder.told("user:mine", b"one", b"two")
    assert proxy.down.passed > received


def _is_among_the_last(message: bytes, seen: list[bytes]) -> bool:
    return message in seen[-3:]


def _has_been_tried(proxy: Proxy, times: int) -> bool:
    return proxy.accepted >= times
