"""Two workers and one Redis."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fusewire import Fuse
from fusewire.broker import BrokerError
from fusewire.wire import messages as m
from pydantic import BaseModel
from redis import Redis

from tests.support.apps import fuse_of_users
from tests.support.callers import CallError, calling
from tests.support.peer import Peer, call, connected
from tests.support.server import serving
from tests.support.valkey import ValkeyServer


class News(BaseModel):
    n: int


def worker(url: str, name: str) -> Fuse:
    fuse = fuse_of_users(broker=url, name=name)
    fuse.rpc.event(News)

    @fuse.rpc
    async def tell(user: str, n: int) -> None:
        await fuse.to(user).emit(News(n=n))

    @fuse.rpc(limit="3/h")
    async def rare() -> None: ...

    return fuse


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """A server of the test's own, to be stopped in the middle."""
    with ValkeyServer() as server:
        yield server


async def test_an_event_reaches_a_user_on_another_worker(valkey: ValkeyServer) -> None:
    name = uuid.uuid4().hex
    one, two = worker(valkey.url, name), worker(valkey.url, name)
    async with (
        serving(one.app) as here,
        serving(two.app) as there,
        connected(there, token="ann") as ann,
        connected(here) as peer,
    ):
        await peer.send(*(call(n, "tell", "ann", n) for n in range(1, 31)))
        got = [(await ann.until(m.Event)).value["n"] for _ in range(30)]
        # Read, for a peer that is full does not see that the connection closes.
        for _ in range(30):
            await peer.until(m.Result)
    assert sorted(got) == list(range(1, 31))


async def test_apps_of_other_names_hear_nothing(valkey: ValkeyServer) -> None:
    one, two = worker(valkey.url, uuid.uuid4().hex), worker(valkey.url, uuid.uuid4().hex)
    async with serving(one.app), serving(two.app) as there, connected(there, token="ann") as ann:
        await one.to("ann").emit(News(n=1))
        await two.to("ann").emit(News(n=2))
        assert (await ann.until(m.Event)).value == {"n": 2}


async def test_a_limit_counts_across_workers(valkey: ValkeyServer) -> None:
    name = uuid.uuid4().hex
    one, two = worker(valkey.url, name), worker(valkey.url, name)
    async with (
        serving(one.app) as here,
        serving(two.app) as there,
        calling("websocket", here, one.contract(), token="ann") as first,
        calling("http-json", there, two.contract(), token="ann") as second,
    ):
        await first.call("rare")
        await second.call("rare")
        await first.call("rare")
        for caller in (first, second):
            with pytest.raises(CallError) as caught:
                await caller.call("rare")
            assert caught.value.code == "RATE_LIMITED"
            assert 3590 <= caught.value.data["retry_after"] <= 3600


async def test_a_worker_that_ends_leaves_no_connection_open(server: ValkeyServer) -> None:
    fuse = worker(server.url, uuid.uuid4().hex)
    async with serving(fuse.app) as here, connected(here, token="ann") as ann:
        await ann.send(call(1, "rare"))
        await ann.answer(1)
        await fuse.to("ann").emit(News(n=1))
    with Redis(port=server.port) as looking:
        async with asyncio.timeout(5):
            while len(looking.client_list()) > 1:  # noqa: ASYNC110  # a server notices a hang-up when it gets to it
                await asyncio.sleep(0.01)


async def test_redis_restarts_and_listeners_hear_again(
    server: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    name = uuid.uuid4().hex
    one, two = worker(server.url, name), worker(server.url, name)
    async with serving(one.app), serving(two.app) as there, connected(there, token="ann") as ann:
        await one.to("ann").emit(News(n=1))
        assert (await ann.until(m.Event)).value == {"n": 1}
        await asyncio.to_thread(server.stop)
        with pytest.raises(BrokerError):
            await one.to("ann").emit(News(n=2))
        # Somebody new comes while Redis is away; what they listen to is made up for.
        async with connected(there, token="bob") as bob:
            await asyncio.to_thread(server.start)
            async with asyncio.timeout(20):
                for user, peer in (("ann", ann), ("bob", bob)):
                    assert await heard(one, user, peer) == {"n": 3}


async def heard(fuse: Fuse, user: str, peer: Peer) -> object:
    """Emit until it is heard: nobody can see from outside when a worker's link is back."""

    async def keep_telling() -> None:
        while True:
            with contextlib.suppress(BrokerError):
                await fuse.to(user).emit(News(n=3))
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(keep_telling())
        event = await peer.until(m.Event)
        telling.cancel()
    return event.value


async def test_without_redis_a_limit_cannot_be_counted_and_calls_go_on(server: ValkeyServer) -> None:
    fuse = worker(server.url, uuid.uuid4().hex)
    async with serving(fuse.app) as host, calling("http-json", host, fuse.contract(), token="ann") as caller:
        await asyncio.to_thread(server.stop)
        with pytest.raises(CallError, match="503 UNAVAILABLE"):
            await caller.call("rare")
        with pytest.raises(CallError, match="500 INTERNAL"):
            await caller.call("tell", "ann", 1)


def test_a_url_that_is_none() -> None:
    with pytest.raises(ValueError, match="redis://") as caught:
        Fuse(FastAPI(), broker="http://user:hunter2@host")
    assert "hunter2" not in str(caught.value)


async def test_the_environment_names_the_broker(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", valkey.url)
    assert "RedisBroker" in repr(Fuse(FastAPI())._shared)
    monkeypatch.setenv("REDIS_URL", "")
    assert "MemoryBroker" in repr(Fuse(FastAPI())._shared)
