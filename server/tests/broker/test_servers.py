"""Redis itself begins again, falls behind, or is asked what it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fusewire.broker.port import BrokerError, Retention
from fusewire.broker.redis.broker import RedisBroker
from redis.asyncio import Redis

from server.tests.broker.conftest import OpenWorker
from server.tests.broker.support import KEPT, QUICK, QUIET, Recorder, eventually
from tests.support.valkey import ValkeyServer

TOPIC = "room:lobby"
pytestmark = pytest.mark.usefixtures("quiet_log")


@pytest.fixture
async def redis(valkey: ValkeyServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(valkey.url, protocol=2) as client:
        yield client


async def test_frames_that_come_again_or_late_are_dropped(
    open_worker: OpenWorker, valkey: ValkeyServer, name: str, publisher: RedisBroker, redis: Redis
) -> None:
    broker, recorder = await open_worker(valkey.url, timing=QUIET)
    begin = await broker.subscribe(TOPIC, KEPT)
    one = await publisher.publish(TOPIC, b"one", KEPT)
    two = await publisher.publish(TOPIC, b"two", KEPT)
    key = f"fusewire:{{{name}:{TOPIC}}}"
    for frame in (f"{one} {two} two", f"{begin} {one} one"):
        assert await redis.execute_command("SPUBLISH", key, frame) == 1
    await publisher.publish(TOPIC, b"three", KEPT)
    await recorder.told(TOPIC, b"one", b"two", b"three")


async def test_a_server_that_lost_some_events_is_a_gap(
    open_worker: OpenWorker, valkey: ValkeyServer, name: str, publisher: RedisBroker, redis: Redis
) -> None:
    """A replica that was behind took over: what it never got, listeners have seen."""
    broker, recorder = await open_worker(valkey.url, timing=QUIET)
    await broker.subscribe(TOPIC, KEPT)
    one = await publisher.publish(TOPIC, b"one", KEPT)
    key = f"fusewire:{{{name}:{TOPIC}}}"
    behind = await redis.dump(key)
    two = await publisher.publish(TOPIC, b"two", KEPT)
    await recorder.told(TOPIC, b"one", b"two")
    assert behind is not None
    assert one is not None
    assert two is not None
    await redis.restore(key, 60_000, behind, replace=True)
    three = await publisher.publish(TOPIC, b"three", KEPT)
    # Higher or lower than what was lost, in the same millisecond.
    await recorder.until(lambda: bool(recorder.gaps))
    assert recorder.gaps == [(TOPIC, three)]
    assert not (await broker.since(TOPIC, two, limit=10, max_bytes=100)).recovered
    assert [e.message for e in (await broker.since(TOPIC, one, limit=10, max_bytes=100)).entries] == [
        b"three"
    ]


async def test_a_server_that_begins_again_below_is_a_gap(
    open_worker: OpenWorker, valkey: ValkeyServer, name: str, publisher: RedisBroker, redis: Redis
) -> None:
    """It lost its events, and its clock is behind: what it publishes now looks as if it had been before."""
    broker, recorder = await open_worker(valkey.url, timing=QUIET)
    await broker.subscribe(TOPIC, KEPT)
    await publisher.publish(TOPIC, b"one", KEPT)
    await recorder.told(TOPIC, b"one")
    key = f"fusewire:{{{name}:{TOPIC}}}"
    await redis.delete(key)
    await redis.xadd(key, {"p": "1-0", "t": "", "m": "low"}, id="1-1")
    await redis.expire(key, 60)
    await redis.execute_command("SPUBLISH", key, "1-0 1-1 low")
    await recorder.until(lambda: bool(recorder.gaps))
    assert recorder.gaps == [(TOPIC, "1-1")]


async def test_redis_restarted_without_its_data_is_a_gap(
    own_server: ValkeyServer, open_worker: OpenWorker, name: str
) -> None:
    broker, recorder = await open_worker(own_server.url, timing=replace(QUICK, patience=0.1))
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


async def test_apps_of_other_names_hear_nothing(
    valkey: ValkeyServer, open_worker: OpenWorker, publisher: RedisBroker
) -> None:
    broker, recorder = await open_worker(valkey.url)
    stranger, overheard = await open_worker(valkey.url, name="another")
    await broker.subscribe(TOPIC, KEPT)
    await stranger.subscribe(TOPIC, KEPT)
    await publisher.publish(TOPIC, b"for you", KEPT)
    await recorder.told(TOPIC, b"for you")
    assert overheard.deliveries == []


async def test_nothing_is_left_in_redis_for_ever(
    valkey: ValkeyServer, name: str, open_worker: OpenWorker, publisher: RedisBroker, redis: Redis
) -> None:
    broker, _ = await open_worker(valkey.url)
    kept = Retention(seconds=0.5, count=10)
    await broker.subscribe("subscribed", kept)
    await publisher.publish("published", b"x", kept)
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
