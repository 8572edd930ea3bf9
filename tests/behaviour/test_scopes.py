"""When a dependency with `yield` is left, on every transport: before the answer, after it, after the last item."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Depends, HTTPException
from fusewire import Fuse

from tests.support.callers import Caller, CallError
from tests.support.worlds import Notes

Connect = Callable[..., Awaitable[Caller]]


async def test_of_the_request_it_is_left_after_the_answer(
    fuse: Fuse, connect: Connect, session: Any, note: Notes, gate: asyncio.Event
) -> None:
    @fuse.rpc
    async def work(db: Annotated[str, Depends(session)]) -> str:
        note("run")
        return db

    assert await (await connect()).call("work") == "s"
    assert "left" not in note.noted
    gate.set()
    await note.until("left")
    assert note.noted == ["open", "run", "leaving", "left"]


async def test_of_the_function_it_is_left_before_the_answer(
    fuse: Fuse, connect: Connect, session: Any, note: Notes, gate: asyncio.Event
) -> None:
    @fuse.rpc
    async def work(db: Annotated[str, Depends(session, scope="function")]) -> str:
        return db

    caller = await connect()
    async with asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(caller.call("work"))
        await note.until("leaving")
        assert not calling.done()
        gate.set()
    assert calling.result() == "s"
    assert note.noted == ["open", "leaving", "left"]


async def test_one_of_the_function_that_cannot_be_left_fails_the_call(fuse: Fuse, connect: Connect) -> None:
    async def transaction() -> AsyncGenerator[None]:
        yield
        raise HTTPException(409, "not committed")

    @fuse.rpc
    async def save(db: Annotated[None, Depends(transaction, scope="function")]) -> str:
        return "saved"

    @fuse.rpc
    async def save_many(db: Annotated[None, Depends(transaction, scope="function")]) -> AsyncIterator[int]:
        yield 1

    caller = await connect()
    with pytest.raises(CallError, match="409 CONFLICT: not committed"):
        await caller.call("save")
    stream = caller.stream("save_many")
    assert await anext(stream) == 1
    with pytest.raises(CallError, match="CONFLICT: not committed"):
        await anext(stream)


async def test_after_the_answer_a_failure_is_only_logged(
    fuse: Fuse, connect: Connect, caplog: pytest.LogCaptureFixture, note: Notes
) -> None:
    async def last() -> AsyncGenerator[None]:
        try:
            yield
        finally:
            note("left")

    async def failing(below: Annotated[None, Depends(last)]) -> AsyncGenerator[None]:
        yield
        raise ValueError("cannot clean up")

    async def later() -> None:
        raise ValueError("cannot do it later")

    @fuse.rpc
    async def cleans(dep: Annotated[None, Depends(failing)]) -> str:
        return "done"

    @fuse.rpc
    async def delays(tasks: BackgroundTasks, dep: Annotated[None, Depends(last)]) -> str:
        tasks.add_task(later)
        return "done"

    caller = await connect()
    for name, says in (("cleans", "cannot clean up"), ("delays", "cannot do it later")):
        assert await caller.call(name) == "done"
        await note.until("left")
        note.noted.clear()
        # A round trip later the call has ended, and said so in the log.
        assert await caller.call(name) == "done"
        assert says in caplog.text
        await note.until("left")
        note.noted.clear()


@pytest.mark.parametrize("scope", ["request", "function"])
async def test_a_streams_are_left_after_its_last_item(
    fuse: Fuse, connect: Connect, session: Any, note: Notes, gate: asyncio.Event, scope: Any
) -> None:
    @fuse.rpc
    async def count(db: Annotated[str, Depends(session, scope=scope)]) -> AsyncIterator[int]:
        for i in range(3):
            note(f"made {i}")
            yield i

    stream = (await connect()).stream("count")
    assert [await anext(stream) for _ in range(3)] == [0, 1, 2]
    await note.until("leaving")
    if scope == "request":
        assert [item async for item in stream] == []
        gate.set()
    else:
        async with asyncio.TaskGroup() as tasks:
            ending = tasks.create_task(rest(stream))
            await asyncio.sleep(0)
            assert not ending.done()
            gate.set()
        assert ending.result() == []
    await note.until("left")
    assert note.noted == ["open", "made 0", "made 1", "made 2", "leaving", "left"]


async def rest(stream: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in stream]


async def test_they_are_left_in_the_opposite_order_and_see_what_was_raised(
    fuse: Fuse, connect: Connect, note: Notes
) -> None:
    def dependency(name: str, below: Callable[..., Any] | None = None) -> Callable[..., Any]:
        async def entered(under: Annotated[Any, Depends(below or nothing)]) -> AsyncGenerator[str]:
            try:
                yield name
            except HTTPException as error:
                note(f"{name} saw {error.status_code}")
                raise
            finally:
                note(f"{name} left")

        def entered_in_a_thread(under: Annotated[Any, Depends(below or nothing)]) -> Iterator[str]:
            try:
                yield name
            except HTTPException as error:
                fuse.app.state.note(f"{name} saw {error.status_code}")
                raise
            finally:
                fuse.app.state.note(f"{name} left")

        return entered if name != "middle" else entered_in_a_thread

    loop = asyncio.get_running_loop()
    fuse.app.state.note = lambda what: loop.call_soon_threadsafe(note, what)
    inner = dependency("inner")
    middle = dependency("middle", inner)

    @fuse.rpc
    async def fail(
        a: Annotated[str, Depends(middle)], b: Annotated[str, Depends(dependency("late"))]
    ) -> None:
        raise HTTPException(404)

    with pytest.raises(CallError, match="404"):
        await (await connect()).call("fail")
    await note.until("inner left")
    names = ("late", "middle", "inner")
    assert note.noted == [line for name in names for line in (f"{name} saw 404", f"{name} left")]


def nothing() -> None: ...


async def test_background_tasks_run_after_the_result_and_before_dependencies_are_left(
    fuse: Fuse, connect: Connect, session: Any, note: Notes, gate: asyncio.Event
) -> None:
    gate.set()
    opened = asyncio.Event()

    async def first() -> None:
        await opened.wait()
        note("first")

    def second(main: bool) -> None:
        fuse.app.state.loop.call_soon_threadsafe(note, "second")

    def prepare(tasks: BackgroundTasks) -> None:
        tasks.add_task(first)

    fuse.app.state.loop = asyncio.get_running_loop()

    @fuse.rpc
    async def work(
        before: Annotated[None, Depends(prepare)],
        tasks: BackgroundTasks,
        db: Annotated[str, Depends(session)],
    ) -> str:
        tasks.add_task(second, True)
        return "done"

    @fuse.rpc
    async def count(tasks: BackgroundTasks) -> AsyncIterator[int]:
        tasks.add_task(note, "after the stream")
        for i in range(3):
            yield i
            note(f"took {i}")

    @fuse.rpc
    async def fail(tasks: BackgroundTasks) -> None:
        tasks.add_task(note, "after a failure")
        raise HTTPException(400)

    caller = await connect()
    assert await caller.call("work") == "done"
    assert "first" not in note.noted
    opened.set()
    await note.until("left")
    assert note.noted == ["open", "first", "second", "leaving", "left"]
    assert await rest(caller.stream("count")) == [0, 1, 2]
    await note.until("after the stream")
    assert note.noted[-4:] == ["took 0", "took 1", "took 2", "after the stream"]
    with pytest.raises(CallError, match="400"):
        await caller.call("fail")
    # As in FastAPI: what failed leaves nothing to do.
    assert await caller.call("work") == "done"
    assert "after a failure" not in note.noted
