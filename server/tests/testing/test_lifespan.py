"""The app's lifespan around its clients."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from fusewire import Fuse
from fusewire.testing import connect
from fusewire.testing.lifespan import _running, running
from starlette.requests import HTTPConnection


class Lives:
    """An app that tells when it starts and stops."""

    def __init__(self, *, fails: str = "") -> None:
        self.log: list[str] = []
        self.fails = fails
        self.began = asyncio.Event()
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.app = FastAPI(lifespan=self._lifespan)
        fuse = Fuse(self.app)

        @fuse.rpc
        async def pool(connection: HTTPConnection) -> str:
            return str(connection.state.pool)

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        task = asyncio.current_task()
        self.log.append("start")
        self.began.set()
        await self.may_start.wait()
        if self.fails == "start":
            raise OSError("no database")
        yield {"pool": "the pool"}
        # What a task group of anyio in a lifespan needs.
        assert asyncio.current_task() is task
        self.log.append("stop")
        if self.fails == "stop":
            raise OSError("cannot stop")


async def test_the_state_of_the_lifespan_is_there() -> None:
    async with connect(Lives().app) as client:
        assert await client.pool() == "the pool"


async def test_it_starts_and_stops_with_its_client() -> None:
    lives = Lives()
    for _ in range(2):
        async with connect(lives.app):
            assert lives.log[-1] == "start"
        assert lives.log[-1] == "stop"
    assert lives.log == ["start", "stop"] * 2
    assert not _running


async def test_nested_clients_share_it() -> None:
    lives = Lives()
    async with connect(lives.app) as ann:
        async with connect(lives.app) as bob:
            assert await ann.pool() == await bob.pool()
        assert lives.log == ["start"]
        assert await ann.pool() == "the pool"
    assert lives.log == ["start", "stop"]


async def test_whoever_leaves_last_stops_it() -> None:
    lives = Lives()
    first, second = AsyncExitStack(), AsyncExitStack()
    await first.enter_async_context(connect(lives.app))
    client = await second.enter_async_context(connect(lives.app))
    await first.aclose()
    assert lives.log == ["start"]
    assert await client.pool() == "the pool"
    await second.aclose()
    assert lives.log == ["start", "stop"]


async def test_clients_that_connect_at_once_wait_for_one_start() -> None:
    lives = Lives()
    lives.may_start.clear()

    async def use() -> Any:
        async with connect(lives.app) as client:
            return await client.pool()

    async with asyncio.TaskGroup() as tasks:
        uses = [tasks.create_task(use()) for _ in range(5)]
        tasks.create_task(_set(lives.may_start))
    assert [use.result() for use in uses] == ["the pool"] * 5
    assert lives.log == ["start", "stop"]


async def test_who_comes_while_it_stops_starts_it_again() -> None:
    lives = Lives()
    stack = AsyncExitStack()
    await stack.enter_async_context(running(lives.app))

    async def use() -> None:
        async with connect(lives.app) as client:
            assert await client.pool() == "the pool"

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stack.aclose())
        tasks.create_task(use())
    assert lives.log == ["start", "stop", "start", "stop"]
    assert not _running


@pytest.mark.parametrize(("fails", "message"), [("start", "no database"), ("stop", "cannot stop")])
async def test_what_it_raises_is_raised(fails: str, message: str) -> None:
    lives = Lives(fails=fails)
    with pytest.raises(OSError, match=message):
        async with connect(lives.app):
            assert fails == "stop"
    assert not _running
    before = asyncio.all_tasks()
    assert len(before) == 1


async def test_each_client_of_a_failing_start_is_told() -> None:
    lives = Lives(fails="start")

    async def use() -> None:
        async with connect(lives.app):
            pytest.fail("it cannot have started")

    results = await asyncio.gather(use(), use(), return_exceptions=True)
    assert [str(result) for result in results] == ["no database"] * 2


async def test_an_app_that_ends_without_an_answer() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    with pytest.raises(RuntimeError, match=r"without an answer to lifespan\.startup"):
        async with running(app):
            pytest.fail("it has not started")


async def test_a_cancelled_start_leaves_nothing() -> None:
    lives = Lives()
    lives.may_start.clear()

    async def use() -> None:
        async with connect(lives.app):
            pytest.fail("it cannot have started")

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(use())
        await lives.began.wait()
        task.cancel()
    assert task.cancelled()
    assert not _running


async def _set(event: asyncio.Event) -> None:
    event.set()
