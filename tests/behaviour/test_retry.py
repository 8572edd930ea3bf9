"""An answer that is lost on its way: what the generated client does then, with a real server behind a proxy that cuts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from fastapi import FastAPI
from fusewire import Fuse
from fusewire.client import retrying
from fusewire.client.typed import ConnectionLost
from fusewire.errors import ResultNotKept

from tests.support.proxy import Proxy
from tests.support.python_client import generated
from tests.support.server import serving
from tests.support.worlds import Notes


class Shop:
    """An app, and what it has executed."""

    def __init__(self) -> None:
        self.note = Notes()
        self.fuse = Fuse(FastAPI())
        rpc = self.fuse.rpc

        @rpc
        async def ready() -> None: ...

        @rpc(dedupe="10m")
        async def pay(order: str) -> str:
            return f"{order} {self.executed('pay')}"

        @rpc(dedupe="10m")
        async def report(order: str) -> str:
            return f"{order} {self.executed('report')}" + "x" * 70_000

        @rpc(idempotent=True)
        async def put(order: str) -> str:
            return f"{order} {self.executed('put')}"

        @rpc
        async def append(order: str) -> str:
            return f"{order} {self.executed('append')}"

    def executed(self, name: str) -> int:
        """The how manyeth time this is."""
        self.note(name)
        return self.note.noted.count(name)


Losing = Callable[[str], Awaitable[str]]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(retrying, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.delenv("REDIS_URL", raising=False)
    return Shop()


@pytest.fixture(params=["websocket", "http"])
async def losing(shop: Shop, request: pytest.FixtureRequest) -> AsyncIterator[Losing]:
    """Calls a procedure, and cuts the connection when it was executed: the first answer never arrives."""
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(serving(shop.fuse.app))
        proxy = await stack.enter_async_context(Proxy("127.0.0.1", int(host.rpartition(":")[2])).running())
        module = stack.enter_context(generated(shop.fuse.contract()))
        url = f"http://127.0.0.1:{proxy.port}"
        client = await stack.enter_async_context(
            module.connect(url, transport=request.param, backoff=lambda _: 0.0)
        )

        async def call(name: str) -> str:
            await client.ready()
            proxy.down.open.clear()
            answer = asyncio.get_running_loop().create_task(getattr(client, name)("A1"))
            await shop.note.until(name)
            proxy.cut()
            proxy.down.open.set()
            said: str = await answer
            return said

        yield call


async def test_with_dedupe_it_is_executed_once_and_answered(shop: Shop, losing: Losing) -> None:
    assert await losing("pay") == "A1 1"
    assert shop.note.noted == ["pay"]


async def test_what_is_idempotent_is_executed_again(shop: Shop, losing: Losing) -> None:
    assert await losing("put") == "A1 2"
    assert shop.note.noted == ["put", "put"]


async def test_anything_else_is_lost_and_executed_once(shop: Shop, losing: Losing) -> None:
    with pytest.raises(ConnectionLost) as raised:
        await losing("append")
    assert raised.value.maybe_executed
    # Nothing of it is on its way either.
    assert await losing("pay") == "A1 1"
    assert shop.note.noted == ["append", "pay"]


async def test_a_result_that_is_not_kept_is_told(shop: Shop, losing: Losing) -> None:
    with pytest.raises(ResultNotKept):
        await losing("report")
    assert shop.note.noted == ["report"]
