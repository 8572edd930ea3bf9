"""The generated Python client reads streams over connections that are cut, from whatever worker it finds, and in another process."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fusewire.client.typed import Status
from fusewire.errors import StreamLost, StreamTakenOver, StreamUnknown

from tests.support.proxy import Proxy
from tests.support.python_client import generated
from tests.support.resuming import Crew

ITEMS = 600


class Balancer(Proxy):
    """A proxy that takes the workers in turn."""

    def __init__(self, hosts: list[str]) -> None:
        super().__init__("", 0)
        self._workers = itertools.cycle([host.split(":") for host in hosts])

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = next(self._workers)
        return await asyncio.open_connection(host, int(port))


@asynccontextmanager
async def client_of(
    crew: Crew, token: str | None = "ann", **options: Any
) -> AsyncIterator[tuple[Any, Proxy]]:
    """A client that connects again at once, and what can cut its connection."""
    balancer = Balancer(crew.hosts)
    with generated(crew.apps[0].contract()) as module:
        async with (
            balancer.running(),
            module.connect(
                f"http://127.0.0.1:{balancer.port}", auth=lambda: token, backoff=lambda _: 0.01, **options
            ) as client,
        ):
            yield client, balancer


async def test_a_stream_that_is_cut_again_and_again_arrives_whole(broker_url: str | None) -> None:
    chance = random.Random(7)
    async with Crew(broker_url) as crew, client_of(crew) as (client, network):
        got = []
        cut = chance.randrange(1, 16)
        async for item in client.count(ITEMS, 0.001):
            got.append(item)
            if len(got) == cut:
                network.cut()
                cut += chance.randrange(1, 16)
    assert got == list(range(ITEMS))
    assert crew.log.started == 1
    assert network.accepted > 10


async def test_who_leaves_stream_and_client_in_one_step_has_stopped_the_generator(
    broker_url: str | None,
) -> None:
    async with Crew(broker_url) as crew:
        async with client_of(crew) as (client, _), client.count(10_000, 0.001) as stream:
            assert await anext(aiter(stream)) == 0
        await asyncio.wait_for(crew.log.cleaned.wait(), 5)


async def test_another_process_goes_on_where_this_one_was(broker_url: str | None) -> None:
    async with Crew(broker_url) as crew:
        async with client_of(crew) as (client, network):
            stream = client.count(200, 0.001)
            got = [await anext(stream) for _ in range(20)]
            # What ends the process ends its connection, and tells nobody.
            network.refusing = True
            network.cut()
            name, position = stream.id, stream.position
        async with client_of(crew) as (client, _):
            got += [item async for item in client.count.resume(name, position)]
            assert got == list(range(200))
            # From the beginning, too.
            assert [item async for item in client.count.resume(name)] == got
    assert crew.log.started == 1


@pytest.mark.parametrize("token", ["eve", None])
async def test_nobody_else_can_resume_it(broker_url: str | None, token: str | None) -> None:
    async with (
        Crew(broker_url) as crew,
        client_of(crew) as (client, _),
        client_of(crew, token) as (other, _),
    ):
        stream = client.count(10**9, 0.01)
        await anext(stream)
        with pytest.raises(StreamUnknown):
            await anext(other.count.resume(stream.id))
        await anext(stream)
        await stream.aclose()


async def test_the_later_of_two_readers_goes_on(broker_url: str | None) -> None:
    async with (
        Crew(broker_url) as crew,
        client_of(crew) as (client, _),
        client_of(crew) as (other, _),
    ):
        one = client.count(10**9, 0.01)
        await anext(one)
        two = other.count.resume(one.id, one.position)
        assert await anext(two) == 1
        with pytest.raises(StreamTakenOver):
            async for _ in one:
                pass
        assert await anext(two) == 2
        await two.aclose()


async def test_a_position_that_it_never_had_is_answered(broker_url: str | None) -> None:
    async with Crew(broker_url) as crew, client_of(crew) as (client, _):
        stream = client.count(10**9, 0.01)
        await anext(stream)
        with pytest.raises(StreamLost):
            await anext(client.count.resume(stream.id, "99999999999999999-0"))


async def test_who_leaves_while_there_is_no_connection_stops_the_generator(broker_url: str | None) -> None:
    lost = asyncio.Event()

    def tell(status: Status) -> None:
        if status.attempt:
            lost.set()

    async with Crew(broker_url) as crew, client_of(crew, on_status=tell) as (client, network):
        stream = client.count(10**9, 0.001)
        await anext(stream)
        network.refusing = True
        network.cut()
        await asyncio.wait_for(lost.wait(), 5)
        await stream.aclose()
        assert not crew.log.cleaned.is_set()
        network.refusing = False
        await asyncio.wait_for(crew.log.cleaned.wait(), 5)


async def test_over_http_a_stream_ends_with_its_connection() -> None:
    async with Crew(None) as crew, client_of(crew, transport="http") as (client, _):
        async with client.count(10**9, 0.001) as stream:
            assert await anext(stream) == 0
            assert (stream.id, stream.position) == (None, None)
        await asyncio.wait_for(crew.log.cleaned.wait(), 5)
