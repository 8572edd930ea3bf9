"""Each behaviour is written once, and run over memory, Redis and a cluster."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
from fusewire.broker.memory import MemoryBroker
from fusewire.broker.memory_store import MemoryStore
from fusewire.broker.port import Broker
from fusewire.broker.redis.broker import RedisBroker
from fusewire.broker.redis.store import RedisStore
from fusewire.broker.redis.timing import Timing
from fusewire.broker.store import Store

from server.tests.broker.support import QUICK, Recorder
from tests.support.cluster import ValkeyCluster
from tests.support.proxy import Proxy
from tests.support.valkey import ValkeyServer

KINDS = ["memory", "redis", "cluster"]


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Iterator[ValkeyCluster]:
    with ValkeyCluster() as servers:
        yield servers


@pytest.fixture
def own_server() -> Iterator[ValkeyServer]:
    """For a test that stops it."""
    with ValkeyServer() as server:
        yield server


@pytest.fixture
def name() -> str:
    """Of the app: keys of its own."""
    return uuid.uuid4().hex


Worker = tuple[RedisBroker, Recorder]
OpenWorker = Callable[..., Awaitable[Worker]]


@pytest.fixture
async def open_worker(name: str) -> AsyncIterator[OpenWorker]:
    """`await open_worker(url, timing=...)`: a worker's broker, running, and what it is told."""
    async with AsyncExitStack() as stack:

        async def open_worker(url: str, *, timing: Timing = QUICK, name: str = name) -> Worker:
            broker, recorder = RedisBroker(url, name=name, timing=timing), Recorder()
            broker.attach(recorder)
            await stack.enter_async_context(broker.running())
            return broker, recorder

        yield open_worker


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest) -> str | None:
    """None for memory."""
    if kind == "memory":
        return None
    fixture = {"redis": "valkey", "cluster": "cluster"}[kind]
    found: str = request.getfixturevalue(fixture).url
    return found


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def broker(url: str | None, name: str, recorder: Recorder) -> AsyncIterator[Broker]:
    """The worker with the listeners."""
    broker: Broker = MemoryBroker() if url is None else RedisBroker(url, name=name, timing=QUICK)
    broker.attach(recorder)
    async with broker.running():
        yield broker


@pytest.fixture
async def emitter(url: str | None, name: str, broker: Broker) -> AsyncIterator[Broker]:
    """Who publishes: another process, where there can be one. It listens to nothing, and need not run for that."""
    if url is None:
        yield broker
        return
    other = RedisBroker(url, name=name, timing=QUICK)
    yield other
    await other.aclose()


@pytest.fixture
async def store(url: str | None, name: str) -> AsyncIterator[Store]:
    if url is None:
        yield MemoryStore()
        return
    store = RedisStore(url, name=name)
    yield store
    await store.aclose()


@pytest.fixture
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="fusewire.broker")


@pytest.fixture
async def proxy(valkey: ValkeyServer) -> AsyncIterator[Proxy]:
    async with Proxy("127.0.0.1", valkey.port).running() as proxy:
        yield proxy


@pytest.fixture
async def publisher(valkey: ValkeyServer, name: str) -> AsyncIterator[RedisBroker]:
    """Another process, on the one server; it needs no proxy and listens to nothing."""
    broker = RedisBroker(valkey.url, name=name, timing=QUICK)
    yield broker
    await broker.aclose()
