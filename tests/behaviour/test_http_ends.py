"""What ends a call over HTTP before its time: a client that is gone, and the procedure's own deadline."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import BackgroundTasks, Depends
from fusewire import Call, Fuse
from fusewire.errors import DeadlineExceeded

from tests.support.callers import Caller, CallError, HttpCaller, calling
from tests.support.server import serving
from tests.support.worlds import Notes

Connect = Callable[..., Awaitable[Caller]]


@pytest.fixture(params=["http-json", "http-sse", "http-msgpack"])
def transport(request: pytest.FixtureRequest) -> str:
    """All but the WebSocket, which has a client that says cancel."""
    return str(request.param)


async def leave(calling: asyncio.Task[object]) -> None:
    """Close the connection in the middle of the request."""
    calling.cancel()
    await asyncio.wait((calling,))


async def first(stream: AsyncIterator[object]) -> object:
    return await anext(stream)


async def test_a_client_that_leaves_cancels_its_call(fuse: Fuse, connect: Connect) -> None:
    note = Notes()

    async def session() -> AsyncGenerator[str]:
        try:
            yield "s"
        finally:
            note("dependency closed")

    @fuse.rpc
    async def hang(text: str, db: Annotated[str, Depends(session)]) -> None:
        note("running")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            note("cancelled")
            raise
        finally:
            note("finally")

    caller = await connect()
    async with asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(caller.call("hang", "x"))
        await note.until("running")
        await leave(calling)
    await note.until("dependency closed")
    assert note.noted == ["running", "cancelled", "finally", "dependency closed"]


async def test_without_a_body_too(fuse: Fuse, connect: Connect) -> None:
    note = Notes()

    @fuse.rpc.get
    async def hang() -> None:
        note("running")
        try:
            await asyncio.Event().wait()
        finally:
            note("finally")

    caller = await connect()
    async with asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(caller.call("hang"))
        await note.until("running")
        await leave(calling)
    await note.until("finally")


async def test_a_client_that_leaves_before_the_first_item(fuse: Fuse, connect: Connect) -> None:
    note = Notes()

    @fuse.rpc
    async def never() -> AsyncIterator[int]:
        note("running")
        try:
            await asyncio.Event().wait()
            yield 1
        finally:
            note("finally")

    caller = await connect()
    async with asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(first(caller.stream("never")))
        await note.until("running")
        await leave(calling)
    await note.until("finally")


async def test_a_client_that_leaves_with_its_answer_does_not_cut_what_comes_after(
    fuse: Fuse, connect: Connect
) -> None:
    note, gate = Notes(), asyncio.Event()

    async def session() -> AsyncGenerator[str]:
        yield "s"
        note("closing")
        await gate.wait()
        note("closed")

    async def later() -> None:
        note("background")

    @fuse.rpc
    async def work(tasks: BackgroundTasks, db: Annotated[str, Depends(session)]) -> int:
        tasks.add_task(later)
        return 1

    caller = await connect()
    assert await caller.call("work") == 1
    assert isinstance(caller, HttpCaller)
    await caller._client.aclose()
    await note.until("closing")
    gate.set()
    await note.until("closed")
    assert note.noted == ["background", "closing", "closed"]


async def test_the_procedures_own_deadline(fuse: Fuse, connect: Connect) -> None:
    note = Notes()

    @fuse.rpc(timeout=0.05)
    async def slow(call: Call) -> None:
        assert call.remaining_seconds is not None
        assert 0 < call.remaining_seconds <= 0.05
        try:
            await asyncio.Event().wait()
        finally:
            note(f"finally with {call.remaining_seconds:g}")

    @fuse.rpc
    async def patient(call: Call) -> float | None:
        return call.remaining_seconds

    caller = await connect()
    for _ in range(2):
        with pytest.raises(CallError) as caught:
            await caller.call("slow")
        assert (caught.value.status, caught.value.code) == (504, "DEADLINE_EXCEEDED")
    assert note.noted == ["finally with 0"] * 2
    assert await caller.call("patient") is None


async def test_the_callers_deadline(fuse: Fuse) -> None:
    note = Notes()

    @fuse.rpc(timeout=5)
    async def left(call: Call) -> float | None:
        return call.remaining_seconds

    @fuse.rpc
    async def slow() -> AsyncIterator[int]:
        yield 1
        try:
            await asyncio.Event().wait()
        finally:
            note("stopped")

    async with serving(fuse.app) as host, httpx.AsyncClient(base_url=f"http://{host}/api") as client:

        async def ask(name: str, said: str) -> httpx.Response:
            return await client.post(f"/{name}", headers={"fusewire-timeout": said})

        for timeout, most in (("2000", 2), ("60000", 5), ("0", 5), ("9" * 15, 5)):
            assert most - 1 < (await ask("left", timeout)).json() <= most
        for wrong in ("soon", "-1", "1.5", "9" * 16, "²"):
            answer = await client.post("/left", headers={b"fusewire-timeout": wrong.encode("latin-1")})
            assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED")
        item, error = (await ask("slow", "50")).text.splitlines()
        assert (item, json.loads(error)["$error"]["code"]) == ("1", "DEADLINE_EXCEEDED")
    assert note.noted == ["stopped"]


@pytest.mark.parametrize("transport", ["python", "python-http"])
async def test_a_python_clients_deadline_is_the_servers(fuse: Fuse, transport: str) -> None:
    note = Notes()

    @fuse.rpc
    async def left(call: Call, wait: bool) -> float | None:
        if wait:
            try:
                await asyncio.Event().wait()
            finally:
                note("stopped")
        return call.remaining_seconds

    async with (
        serving(fuse.app) as host,
        calling(transport, host, fuse.contract()) as caller,
    ):
        client: Any = caller.client
        assert 1 < await client.with_(timeout=2).left(False) <= 2
        with pytest.raises(DeadlineExceeded, match="The call's deadline passed"):
            await client.with_(timeout=0.05).left(True)
        assert note.noted == ["stopped"]
        assert await client.left(False) is None


async def test_a_deadline_in_the_middle_of_a_stream_is_its_last_record(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc(timeout=0.1)
    async def slow() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    stream = (await connect()).stream("slow")
    assert await anext(stream) == 1
    with pytest.raises(CallError) as caught:
        await anext(stream)
    assert caught.value.code == "DEADLINE_EXCEEDED"


async def test_a_deadline_does_not_count_for_what_comes_after_the_answer(
    fuse: Fuse, connect: Connect
) -> None:
    note = Notes()

    async def later() -> None:
        try:
            await asyncio.sleep(0.15)
            note("background")
        finally:
            note("over")

    @fuse.rpc(timeout=0.1)
    async def work(tasks: BackgroundTasks) -> int:
        tasks.add_task(later)
        return 1

    assert await (await connect()).call("work") == 1
    await note.until("over")
    assert note.noted == ["background", "over"]
