"""A call with a key is executed once at most, whatever fails meanwhile."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fusewire.wire import messages as m

from tests.support.peer import Peer, connected
from tests.support.proxy import Proxy
from tests.support.server import serving
from tests.support.shop import Shop, answer, keyed
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


async def test_without_its_store_it_is_not_started() -> None:
    with ValkeyServer() as server:
        shop = Shop(server.url)
        async with serving(shop.worker().app) as host, connected(host, token="ann") as peer:
            server.stop()
            assert (await answer(peer, "pay", 1)).code == "UNAVAILABLE"
            assert shop.paid == 0
