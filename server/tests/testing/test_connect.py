"""An app, called in this event loop."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI
from fusewire import Bounds, RpcError
from fusewire.client import connection
from fusewire.testing import Client, ConnectionLost, connect
from starlette.types import ASGIApp, Receive, Scope, Send

from .support import caught
from .world import BudgetSpent, JobStatus, World


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    """Its beginning and its end run in different tasks, as pytest-asyncio does it."""
    async with connect(world.app, user="ann") as client:
        yield client


async def test_calls_by_position_and_by_name(client: Client) -> None:
    assert await client.add(1, 2) == 3
    assert await client.add(1) == 2
    assert await client.add(b=5, a=1) == 6
    assert await client.teams.rename(7, name="x") == {"id": 7, "name": "x"}
    assert await client["teams.rename"](8, name="y") == {"id": 8, "name": "y"}


async def test_many_calls_at_once(client: Client) -> None:
    assert await asyncio.gather(*(client.add(n) for n in range(300))) == list(range(1, 301))


async def test_values_arrive_as_what_they_are(client: Client) -> None:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    job = JobStatus(job_id="j", progress=1)
    assert await client.save(job, at=moment, blob=b"\xff") == ["j", moment.isoformat(), b"\xff"]


async def test_errors_have_all_their_parts(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RpcError) as raised:
        await client.spend(5)
    error = raised.value
    assert (error.code, error.status, error.detail, error.data, error.id) == (
        BudgetSpent.code,
        402,
        "Nothing left",
        {"cents": 5},
        None,
    )
    with pytest.raises(RpcError, match="404 NOT_FOUND: no such thing"):
        await client.missing()
    with pytest.raises(RpcError, match="UNKNOWN_PROCEDURE"):
        await client.addd(1)
    with pytest.raises(RpcError) as raised:
        await client.add("x")
    assert raised.value.detail[0]["loc"] == ["body", "a"]
    with caplog.at_level(logging.CRITICAL), pytest.raises(RpcError) as raised:
        await client.broken()
    assert raised.value.code == "INTERNAL"
    assert raised.value.id is not None


async def test_a_stream_to_its_end(client: Client) -> None:
    tokens = [token async for token in client.chat("hi", tokens=200)]
    assert tokens == [f"hi {n}" for n in range(200)]


async def test_credit_is_granted_as_items_are_taken(world: World) -> None:
    small = World(Bounds(stream_items=4))
    async with connect(small.app) as client, client.chat("hi") as tokens:
        assert await anext(tokens) == "hi 0"
        await client.add(1)
        made = len(small.log)
        for _ in range(5):
            await client.add(1)  # however long we wait
        assert len(small.log) == made <= 6
        for _ in range(10):
            await anext(tokens)
        assert len(small.log) > made


async def test_leaving_a_stream_early_cancels_in_python(world: World, client: Client) -> None:
    async for token in client.chat("hi"):
        if token == "hi 2":
            break
    # The cancel is on its way; entering a stream is how to wait for what it does.
    async with client.chat("again") as tokens:
        async for _ in tokens:
            break
    assert world.log.count("chat ended") == 2


async def test_the_end_of_the_connection_waits_for_clean_up(world: World) -> None:
    async with connect(world.app) as client:
        async for _ in client.chat("hi"):
            break
    assert world.log[-1] == "chat ended"


async def test_a_cancelled_task_has_cleaned_up_when_it_is_done(world: World, client: Client) -> None:
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(client.hang())
        await world.started.wait()
        call.cancel()
    assert call.cancelled()
    assert world.log[-1] == "hang ended"


async def test_a_timeout_of_the_callers_own_cancels(world: World, client: Client) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await client.hang()
    assert world.log[-1] == "hang ended"


async def test_a_deadline_is_the_servers_to_keep(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "DEADLINE_GRACE_SECONDS", 30.0)
    with pytest.raises(RpcError) as raised:
        await client.with_(timeout=0.01).hang()
    assert raised.value.code == "DEADLINE_EXCEEDED"
    assert world.log[-1] == "hang ended"
    assert 4 < await client.with_(timeout=5).remaining() <= 5
    assert 29 < await client.remaining() <= 30
    assert await client.with_(timeout=None).remaining() is None


async def test_events_of_the_calls(client: Client) -> None:
    await client.start_job("j", 3)
    assert await client.event("JobStatus") == {"job_id": "j", "progress": 0}
    progress = []
    async for event in client.events("JobStatus"):
        progress.append(event["progress"])
        if event["progress"] == 2:
            break
    assert progress == [1, 2]


async def test_events_from_elsewhere(world: World, client: Client) -> None:
    async with connect(world.app, user="bob") as bob:
        await world.fuse.to("bob").emit(JobStatus(job_id="b", progress=1))
        await world.fuse.to("ann").emit(JobStatus(job_id="a", progress=1))
        assert (await client.event("JobStatus"))["job_id"] == "a"
        assert (await bob.event("JobStatus"))["job_id"] == "b"
        with pytest.raises(TimeoutError, match="no JobStatus within"):
            await bob.event("JobStatus", within=0.01)


async def test_calls_under_way_are_lost_when_the_block_ends(world: World) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with connect(world.app) as client:
            call = tasks.create_task(caught(client.hang()))
            await world.started.wait()
        assert world.log[-1] == "hang ended"
    assert isinstance(call.result(), ConnectionLost)


async def test_nothing_is_left_behind(world: World) -> None:
    before = asyncio.all_tasks()
    async with connect(world.app) as client:
        async for _ in client.chat("hi"):
            break
        await client.start_job("j")
        async for _ in client.events("JobStatus"):
            break
    assert asyncio.all_tasks() == before


async def test_the_block_raises_what_it_raises(world: World) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with connect(world.app):
            raise KeyError("mine")


async def test_a_cancelled_block_ends(world: World) -> None:
    async def work() -> None:
        async with connect(world.app) as client:
            await client.hang()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(work())
        await world.started.wait()
        task.cancel()
    assert task.cancelled()
    assert world.log[-1] == "hang ended"


async def test_dependency_overrides_hold(world: World) -> None:
    def database() -> str:
        return "real"

    @world.fuse.rpc
    async def which(db: Annotated[str, Depends(database)]) -> str:
        return db

    world.app.dependency_overrides[database] = lambda: "fake"
    async with connect(world.app) as client:
        assert await client.which() == "fake"


async def test_an_app_inside_middleware(world: World) -> None:
    class Middleware:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            world.log.append(scope["type"])
            await self.app(scope, receive, send)

    async with connect(Middleware(world.app)) as client:
        assert await client.add(1, 2) == 3
    assert world.log == ["lifespan", "websocket", "identify"]


async def test_what_the_app_lets_through_is_raised(world: World) -> None:
    class Broken:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await self.app(scope, receive, send)
            if scope["type"] == "websocket":
                raise OSError("middleware")

    with pytest.raises(OSError, match="middleware"):
        async with connect(Broken(world.app)) as client:
            assert await client.add(1, 2) == 3


async def test_an_app_without_fuse_is_refused() -> None:
    with pytest.raises(TypeError, match="has no Fuse"):
        async with connect(FastAPI()):
            pytest.fail("there is nothing to call")
