"""A cluster of three: topics lie on different nodes, and a slot moves while its topic is published to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from fastapi import FastAPI
from fusewire import Fuse, RpcError, testing
from fusewire.broker.redis.broker import RedisBroker
from fusewire.broker.redis.feed import State
from fusewire.wire import messages as m
from pydantic import BaseModel

from server.tests.broker.conftest import OpenWorker
from server.tests.broker.support import KEPT, QUICK, QUIET, eventually
from tests.support.cluster import ValkeyCluster
from tests.support.peer import connected
from tests.support.resuming import Crew, Reader
from tests.support.server import serving
from tests.support.shop import Shop, answer, keyed

TOPIC = "room:lobby"


@pytest.fixture
async def emitter(cluster: ValkeyCluster, name: str) -> AsyncIterator[RedisBroker]:
    broker = RedisBroker(cluster.url, name=name, timing=QUICK)
    yield broker
    await broker.aclose()


async def test_topics_on_all_nodes(
    cluster: ValkeyCluster, open_worker: OpenWorker, emitter: RedisBroker, name: str
) -> None:
    broker, recorder = await open_worker(cluster.url)
    assert broker.healthy, "before there is anything to listen to"
    topics = [f"user:{n}" for n in range(30)]
    await asyncio.gather(*(broker.subscribe(topic, KEPT) for topic in topics))
    assert {cluster.owner(f"fusewire:{{{name}:{topic}}}") for topic in topics} == {0, 1, 2}
    for topic in topics:
        await emitter.publish(topic, topic.encode(), KEPT)
    for topic in topics:
        await recorder.told(topic, topic.encode())


async def test_a_slot_moves_while_its_topic_is_published_to(
    cluster: ValkeyCluster, open_worker: OpenWorker, emitter: RedisBroker, name: str
) -> None:
    """Nothing looks for loss by itself: the nodes say that the slot is gone, and that is enough."""
    broker, recorder = await open_worker(cluster.url, timing=QUIET)
    begin = await broker.subscribe(TOPIC, KEPT)
    assert begin is not None
    key = f"fusewire:{{{name}:{TOPIC}}}"
    enough = False
    sent: list[bytes] = []

    async def keep_publishing() -> None:
        while not enough:
            message = b"%d" % len(sent)
            await emitter.publish(TOPIC, message, KEPT)
            sent.append(message)

    async def more() -> None:
        count = len(sent)
        await eventually(lambda: len(sent) >= count + 20)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_publishing())
        for _ in range(3):
            await more()
            async with cluster.moving(key, (cluster.owner(key) + 1) % 3):
                await more()
            await more()
        enough = True
    await recorder.told(TOPIC, *sent)
    assert recorder.gaps == []
    replay = await broker.since(TOPIC, begin, limit=1_000, max_bytes=1 << 20)
    assert [entry.message for entry in replay.entries] == sent


async def test_a_topic_begins_in_a_slot_that_is_between_two_nodes(
    cluster: ValkeyCluster, open_worker: OpenWorker, emitter: RedisBroker, name: str
) -> None:
    broker, recorder = await open_worker(cluster.url)
    key = f"fusewire:{{{name}:{TOPIC}}}"
    async with cluster.moving(key, (cluster.owner(key) + 1) % 3):
        assert await broker.subscribe(TOPIC, KEPT) is not None
        await emitter.publish(TOPIC, b"one", KEPT)
        await recorder.told(TOPIC, b"one")
    await emitter.publish(TOPIC, b"two", KEPT)
    await recorder.told(TOPIC, b"one", b"two")


async def test_leaving_a_topic_while_its_node_refuses_it(
    cluster: ValkeyCluster, open_worker: OpenWorker, emitter: RedisBroker, name: str
) -> None:
    """A refusal names the slot alone. What was asked about the channel before must not count when the slot comes back."""
    broker, recorder = await open_worker(cluster.url, timing=QUIET)
    await broker.subscribe(TOPIC, KEPT)
    key = f"fusewire:{{{name}:{TOPIC}}}"
    home = cluster.owner(key)
    moving = AsyncExitStack()
    await moving.enter_async_context(cluster.moving(key, (home + 1) % 3))
    feed = broker._feeds[TOPIC]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(moving.aclose())
        while feed.state is not State.AWAY:  # noqa: ASYNC110  # the very turn counts
            await asyncio.sleep(0)
        # The node has just ended the subscription, and is being asked for it again.
        broker.unsubscribe(TOPIC)
    async with cluster.moving(key, home):
        pass
    assert await broker.subscribe(TOPIC, KEPT) is not None
    await emitter.publish(TOPIC, b"heard", KEPT)
    await recorder.told(TOPIC, b"heard")


async def test_any_node_will_do_to_begin_with(
    cluster: ValkeyCluster, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="fusewire.broker")
    port = cluster.servers[2].port
    broker = RedisBroker(f"redis+cluster://127.0.0.1:1,127.0.0.1:{port}", name=name, timing=QUICK)
    assert await broker.publish(TOPIC, b"one", KEPT) is not None
    await broker.aclose()


async def test_a_node_that_hangs_up_is_found_again(
    cluster: ValkeyCluster, open_worker: OpenWorker, emitter: RedisBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="fusewire.broker")
    broker, recorder = await open_worker(cluster.url, timing=QUIET)
    topics = [f"user:{n}" for n in range(12)]
    await asyncio.gather(*(broker.subscribe(topic, KEPT) for topic in topics))
    for index in range(3):
        cluster.hang_up(index)
    for topic in topics:
        await emitter.publish(topic, b"one", KEPT)
    for topic in topics:
        await recorder.told(topic, b"one")
    assert recorder.gaps == []


async def test_a_stream_is_resumed_at_another_worker(cluster: ValkeyCluster) -> None:
    """Each of its keys has a slot of its own: the journal, whose it is, the lease, and what the workers say to each other."""
    async with Crew(cluster.url) as crew, Reader(crew.hosts) as reader:
        await reader.call("count", 300, 0.001)
        for _ in range(4):
            await reader.read(20)
            await reader.cut()
            await reader.resume()
        await reader.read()
        assert reader.got == list(range(300))
        assert isinstance(reader.ended, m.End)
        assert crew.log.started == 1
        # From the worker that does not run it.
        async with Reader(crew.hosts) as other:
            await other.call("count", 10**9, 0.01)
            await other.read(1)
            await other.cut()
            await other.resume()
            await other.read(1)
            await other.peer.send(m.Cancel(1))
            await other.read()
            assert isinstance(other.ended, m.Error)
            assert other.ended.code == "CANCELLED"


class News(BaseModel):
    n: int


async def test_an_app_has_its_events_sessions_and_limits_there(cluster: ValkeyCluster, name: str) -> None:
    fuse = Fuse(FastAPI(), broker=cluster.url, name=name)
    fuse.rpc.event(News)

    @fuse.rpc(limit="1/h")
    async def join() -> None:
        await fuse.room("lobby").join()

    async with testing.connect(fuse.app) as client:
        heard = client.events("News")
        await client.join()
        with pytest.raises(RpcError) as caught:
            await client.join()
        assert caught.value.code == "RATE_LIMITED"
        await fuse.room("lobby").emit(News(n=1))
        assert await anext(heard) == {"n": 1}


async def test_calls_with_a_key_are_executed_once_there(cluster: ValkeyCluster) -> None:
    """Each step with a claim, a lease or an outcome touches one key, wherever that lies."""
    shop = Shop(cluster.url)
    one, two = shop.worker(), shop.worker()
    async with (
        serving(one.app) as here,
        serving(two.app) as there,
        connected(here, token="ann") as first,
        connected(there, token="ann") as other,
    ):
        for n in range(12):
            told = await answer(first, "pay", n, key=f"key {n}")
            assert (await answer(other, "pay", n, key=f"key {n}")).value == told.value
        assert shop.paid == 12
        assert (await answer(other, "pay", 3, key="key 4")).code == "KEY_REUSED"
        # Refused before it began, and tried anew.
        assert (await answer(first, "pay", "nonsense")).code == "INVALID_ARGUMENT"
        assert (await answer(other, "pay", 1)).value["number"] == 13
        # Who comes during the first waits for it.
        calls = [(peer, keyed("pay_slowly", key="slow")) for peer in (first, other)]
        for peer, message in calls:
            await peer.send(message)
        await shop.note.until("pay", 14)
        shop.gate.set()
        for peer, message in calls:
            assert await peer.answer(message.id) == m.Result(message.id, 14)
        # And is told when there is nobody to wait for.
        shop.gate.clear()
        await first.send(keyed("pay_slowly", key="lost"))
        await shop.note.until("pay", 15)
        one._services.pipeline.deduplication._held.clear()
        assert (await answer(other, "pay_slowly", key="lost")).code == "OUTCOME_UNKNOWN"
        shop.gate.set()
    assert shop.paid == 15
