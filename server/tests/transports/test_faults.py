"""What is nobody's call and fails all the same: the connection ends with a name, and its neighbours go on."""

import asyncio
import logging

import pytest
from fusewire import Fuse
from fusewire.broker import BrokerError, MemoryBroker, Retention
from fusewire.wire import messages as m
from pydantic import BaseModel

from tests.support.apps import fuse_of_users
from tests.support.peer import call, connected
from tests.support.server import serving


class News(BaseModel):
    n: int


class Fickle(MemoryBroker):
    """A broker that takes no subscription of one user's."""

    async def subscribe(self, topic: str, retention: Retention) -> str:
        if topic == "user:unlucky":
            raise BrokerError("not now")
        return await super().subscribe(topic, retention)


@pytest.fixture
def fuse(caplog: pytest.LogCaptureFixture) -> Fuse:
    caplog.set_level(logging.CRITICAL)
    fuse = fuse_of_users(broker=Fickle())
    fuse.rpc.event(News)

    @fuse.rpc
    async def add(a: int, b: int) -> int:
        return a + b

    return fuse


async def test_a_broker_that_fails_at_hello_ends_that_connection(fuse: Fuse) -> None:
    async with serving(fuse.app) as host, connected(host, token="ann") as neighbour:
        async with connected(host, say_hello=False) as peer:
            await peer.send(m.Hello(credentials={"token": "unlucky"}))
            assert await peer.close_code() == (4000, "going_away")
        assert await neighbour.result(call(1, "add", 1, 2)) == 3


async def test_a_broker_that_fails_at_a_refresh_ends_that_connection(fuse: Fuse) -> None:
    async with serving(fuse.app) as host, connected(host, token="ann") as peer:
        await peer.send(m.Refresh(1, {"token": "unlucky"}))
        assert await peer.close_code() == (4000, "going_away")
    # Nothing of it is left behind.
    async with asyncio.timeout(5):
        while "0 members, 0 topics" not in repr(fuse):  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.01)
