"""A call with a key is executed once at most, whatever fails meanwhile."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from fusewire.wire import messages as m

from tests.support.peer import Peer, connected
from tests.support.proxy import Proxy
from tests.support.server import serving
from tests.support.shop import Shop, answer, http, keyed
from tests.support.valkey import ValkeyServer


@asynccontextmanager
async def near_and_far(shop: Shop, proxy: Proxy) -> AsyncIterator[tuple[Peer, Peer]]:
    """One user at a worker whose way to Redis leads through the proxy, and at another one."""
    async with (
        serving(shop.worker_at(f"redis://127.0.0.1:{proxy.port}").app) as one,
        serving(shop.worker().app) as two,
        connected(one, token="ann") as far,
        connected(two, token="ann") as near,
    ):
        # There is a connection to Redis by now.
        await answer(far, "pay", 0, key="warm")
        shop.note.noted.clear()
        yield far, near


@pytest.fixture
async def proxy(valkey: ValkeyServer) -> AsyncIterator[Proxy]:
    async with Proxy("127.0.0.1", valkey.port).running() as proxy:
        yield proxy


def on_the_claim(proxy: Proxy, act: Callable[[], object]) -> None:
    """When a claim is on its way to Redis, which gets it."""

    def look(data: bytes) -> bool:
        if b"\r\nNX\r\n" in data:
            proxy.up.drop = None
            act()
        return False

    proxy.up.drop = look


def lose_the_answer(proxy: Proxy, refusing: bool) -> None:
    def swallow(_: bytes) -> bool:
        proxy.down.drop = None
        proxy.refusing = refusing
        # When the one who sends it has seen that it is gone.
        asyncio.get_running_loop().call_soon(proxy.cut)
        return True

    proxy.down.drop = swallow


async def test_a_claim_whose_answer_is_lost_is_found_again(valkey: ValkeyServer, proxy: Proxy) -> None:
    shop = Shop(valkey.url)
    async with near_and_far(shop, proxy) as (far, near):
        on_the_claim(proxy, functools.partial(lose_the_answer, proxy, refusing=False))
        first = (await answer(far, "pay", 1)).value
        assert first["number"] == 1
        assert (await answer(near, "pay", 1)).value == first
        assert shop.paid == 1


@pytest.mark.parametrize("where", ["far", "near"])
async def test_what_was_not_started_is_tried_anew(valkey: ValkeyServer, proxy: Proxy, where: str) -> None:
    """Redis has a claim, whose worker cannot know that."""
    shop = Shop(valkey.url)
    async with near_and_far(shop, proxy) as (far, near):
        on_the_claim(proxy, functools.partial(lose_the_answer, proxy, refusing=True))
        assert (await answer(far, "pay", 1)).code == "UNAVAILABLE"
        assert shop.paid == 0
        message = keyed("pay", 1)
        again = {"far": far, "near": near}[where]
        proxy.refusing = False
        await again.send(message)
        received = await again.answer(message.id)
        assert isinstance(received, m.Result), received
        assert shop.paid == 1


async def test_whoever_leaves_before_it_is_claimed_leaves_nothing_behind(
    valkey: ValkeyServer, proxy: Proxy
) -> None:
    shop = Shop(valkey.url)
    async with near_and_far(shop, proxy) as (far, near):
        claimed = asyncio.Event()

        def claim() -> None:
            proxy.down.open.clear()
            claimed.set()

        on_the_claim(proxy, claim)
        message = keyed("pay", 1)
        await far.send(message)
        await claimed.wait()
        await far.send(m.Cancel(message.id))
        assert (await far.until(m.Error)).code == "CANCELLED"
        proxy.down.open.set()
        assert isinstance(await answer(near, "pay", 1), m.Result)
        assert shop.paid == 1


async def test_a_worker_that_died_leaves_an_unknown_outcome(shop: Shop, devices: tuple[Peer, Peer]) -> None:
    one, two = devices
    await one.send(keyed("pay_slowly"))
    await shop.note.until("pay")
    # What is left of a worker that is killed: a record that nobody keeps alive.
    for fuse in shop.worker.made:
        fuse._services.pipeline.deduplication._held.clear()
    error = await answer(two, "pay_slowly")
    assert (error.status, error.code) == (409, "OUTCOME_UNKNOWN")
    assert shop.paid == 1


async def test_a_lease_that_ran_out_while_the_store_was_away_comes_back(
    shop: Shop, devices: tuple[Peer, Peer]
) -> None:
    one, two = devices
    await one.send(keyed("pay_slowly"))
    await shop.note.until("pay")
    for fuse in shop.worker.made:
        deduplication = fuse._services.pipeline.deduplication
        for token in deduplication._held:
            await deduplication._store.delete(f"executing:{token}")
    message = keyed("pay_slowly")
    await two.send(message)
    # Twice as long as it takes to find that a worker is gone.
    asyncio.get_running_loop().call_later(1.0, shop.gate.set)
    assert await two.answer(message.id) == m.Result(message.id, 1)


async def test_without_its_store_it_is_not_started() -> None:
    with ValkeyServer() as server:
        shop = Shop(server.url)
        async with serving(shop.worker().app) as host, connected(host, token="ann") as peer:
            server.stop()
            assert (await answer(peer, "pay", 1)).code == "UNAVAILABLE"
            assert shop.paid == 0


@pytest.mark.parametrize("transport", ["websocket", "http"])
async def test_a_deadline_stops_it_without_its_connection_too(
    shop: Shop, hosts: tuple[str, str], transport: str
) -> None:
    here, there = hosts
    if transport == "websocket":
        async with connected(here, token="ann") as peer:
            await peer.send(keyed("pay_slowly", timeout_ms=500))
            await shop.note.until("pay")
            peer.cut()
    else:
        async with http(here, token="ann", **{"fusewire-timeout": "500"}) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.post("/pay_slowly", timeout=0.2)
    await shop.note.until("cancelled")
    async with connected(there, token="ann") as peer:
        assert (await answer(peer, "pay_slowly")).code == "OUTCOME_UNKNOWN"
    assert shop.paid == 1


async def left_at_a_worker_that_stops(shop: Shop) -> None:
    """A call whose caller is gone. Returns when the worker has stopped."""
    async with serving(shop.worker().app) as host, connected(host, token="ann") as peer:
        await peer.send(keyed("pay_slowly"))
        await shop.note.until("pay")
        peer.cut()


async def test_a_worker_that_stops_lets_it_finish(valkey: ValkeyServer) -> None:
    shop = Shop(valkey.url)
    async with serving(shop.worker().app) as host, connected(host, token="ann") as peer:
        asyncio.get_running_loop().call_later(0.4, shop.gate.set)
        await left_at_a_worker_that_stops(shop)
        assert shop.note.noted == ["pay", "afterwards"]
        assert (await answer(peer, "pay_slowly")).value == 1


async def test_a_worker_that_stops_does_not_wait_for_ever(valkey: ValkeyServer) -> None:
    shop = Shop(valkey.url, drain_seconds=0.2)
    async with serving(shop.worker().app) as host, connected(host, token="ann") as peer:
        await left_at_a_worker_that_stops(shop)
        assert shop.note.noted == ["pay", "cancelled"]
        assert (await answer(peer, "pay_slowly")).code == "OUTCOME_UNKNOWN"


async def test_a_deadline_and_the_end_of_its_worker_interrupt_no_clean_up(valkey: ValkeyServer) -> None:
    shop = Shop(valkey.url, drain_seconds=0.0)
    async with serving(shop.worker().app) as host, connected(host, token="ann") as peer:
        await peer.send(keyed("pay_and_tidy", timeout_ms=200))
        await shop.note.until("pay")
        peer.cut()
        await shop.note.until("tidying")
    assert shop.note.noted == ["pay", "tidying", "tidy"]
