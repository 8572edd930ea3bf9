"""Context variables: what one call sets, no other call sees, however they were begun (docs/adr/0005)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends
from fusewire import Call, Fuse, active_user
from fusewire.wire import messages as m

from tests.support.callers import Caller, collect
from tests.support.peer import call
from tests.support.worlds import Notes, World, works

Connect = Callable[..., Awaitable[Caller]]
var: ContextVar[str] = ContextVar("var", default="unset")


async def set_in_a_dependency() -> AsyncGenerator[str]:
    var.set("dependency")
    yield "s"
    var.set("dependency, after")


def define(fuse: Fuse) -> None:
    @fuse.rpc
    async def inline(value: str) -> str:
        before = var.get()
        var.set(value)
        return before

    @fuse.rpc
    async def waiting(value: str) -> list[str]:
        before = var.get()
        var.set(value)
        await asyncio.sleep(0)
        return [before, var.get()]

    @fuse.rpc
    async def streaming(value: str) -> AsyncIterator[str]:
        for i in range(3):
            yield var.get()
            var.set(f"{value} {i}")
            await asyncio.sleep(0)

    @fuse.rpc
    def blocking(value: str) -> str:
        before = var.get()
        var.set(value)
        return before

    @fuse.rpc
    def blocking_stream(value: str) -> Iterator[str]:
        for _ in range(2):
            yield var.get()
            var.set(value)

    @fuse.rpc
    async def depending(db: Annotated[str, Depends(set_in_a_dependency)]) -> str:
        return var.get()

    @fuse.rpc
    async def failing(value: str) -> None:
        var.set(value)
        raise ValueError

    @fuse.rpc
    async def look() -> str:
        return var.get()


async def test_no_call_sees_what_another_one_set(fuse: Fuse, connect: Connect) -> None:
    define(fuse)
    caller = await connect()
    for _ in range(2):
        assert await caller.call("inline", "a") == "unset"
        assert await caller.call("waiting", "b") == ["unset", "b"]
        assert await collect(caller.stream("streaming", "c")) == ["unset", "c 0", "c 1"]
        assert await caller.call("blocking", "d") == "unset"
        assert (await collect(caller.stream("blocking_stream", "e")))[0] == "unset"
        assert await caller.call("depending") == "dependency"
        assert await caller.call("look") == "unset"
    assert var.get() == "unset"


async def test_of_one_frame_neither(fuse: Fuse, world: World) -> None:
    """Calls that are begun one after the other in one task, some of which keep it."""
    define(world.fuse)
    peer = await world.open()
    names = ("inline", "waiting", "inline", "streaming", "blocking", "depending", "failing", "look")
    await peer.send(
        *(
            call(i, name, *([] if name in ("depending", "look") else [str(i)]))
            for i, name in enumerate(names, 1)
        )
    )
    got: dict[int, list[Any]] = {i: [] for i in range(1, 9)}
    settled = 0
    while settled < len(names):
        message = await peer.next()
        if isinstance(message, m.Result | m.Item):
            got[message.id].append(message.value)
        settled += isinstance(message, m.Result | m.End | m.Error)
    assert got == {
        1: ["unset"],
        2: [["unset", "2"]],
        3: ["unset"],
        4: ["unset", "4 0", "4 1"],
        5: ["unset"],
        6: ["dependency"],
        7: [],
        8: ["unset"],
    }
    assert await peer.result(call(9, "look")) == "unset"


async def test_what_a_dependency_or_a_middleware_sets_the_call_reads(fuse: Fuse, connect: Connect) -> None:
    note = Notes()

    @fuse.middleware
    async def around(call: Call, call_next: Callable[[], Awaitable[Any]]) -> Any:
        if call.procedure == "wrapped":
            var.set("middleware")
        return await call_next()

    async def plain() -> str:
        var.set("plain dependency")
        return "p"

    async def cleaned() -> AsyncGenerator[None]:
        var.set("cleaned")
        yield
        note(f"after: {var.get()}")

    async def later() -> None:
        note(f"background: {var.get()} {active_user()}")

    @fuse.rpc
    async def wrapped() -> str:
        return var.get()

    @fuse.rpc
    async def depends(p: Annotated[str, Depends(plain)]) -> str:
        return var.get()

    @fuse.rpc
    def depends_in_a_thread(p: Annotated[str, Depends(plain)]) -> list[str | None]:
        return [var.get(), active_user()]

    @fuse.rpc
    async def items(p: Annotated[str, Depends(plain)]) -> AsyncIterator[list[str | None]]:
        yield [var.get(), active_user()]
        await asyncio.sleep(0)
        yield [var.get(), active_user()]

    @fuse.rpc
    async def works_on(tasks: BackgroundTasks, c: Annotated[None, Depends(cleaned)]) -> str:
        tasks.add_task(later)
        before = var.get()
        var.set("function")
        return before

    caller = await connect(token="ann")
    assert await caller.call("wrapped") == "middleware"
    assert await caller.call("depends") == "plain dependency"
    assert await caller.call("depends_in_a_thread") == ["plain dependency", "ann"]
    assert await collect(caller.stream("items")) == [["plain dependency", "ann"]] * 2
    assert await caller.call("works_on") == "cleaned"
    await note.until("after: function")
    assert note.noted == ["background: function ann", "after: function"]


async def test_each_task_of_a_call_begins_with_the_calls_context(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def forks() -> list[str | None]:
        var.set("parent")
        seen: list[str | None] = []

        async def child() -> None:
            seen.extend((var.get(), active_user()))
            var.set("child")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(child())
        seen.extend((await asyncio.to_thread(var.get), await asyncio.to_thread(active_user)))
        return [*seen, var.get()]

    caller = await connect(token="ann")
    assert await caller.call("forks") == ["parent", "ann", "parent", "ann", "parent"]


async def test_the_connections_own_work_is_in_no_calls_context(world: World) -> None:
    """What is begun by whoever reads next, after a call kept the reader's task, and the identity loader of a refresh."""
    define(world.fuse)
    seen: list[str] = []
    loader = world.fuse._services.loader
    assert loader is not None

    async def looks(credentials: Any) -> Any:
        seen.append(f"{var.get()} {active_user()}")
        return await loader(credentials)  # type: ignore[misc]  # it is async

    world.fuse._services.loader = looks
    peer = await world.open(token="ann")

    @world.fuse.rpc
    async def holds() -> None:
        var.set("held")
        await world.gate.wait()

    await peer.send(call(1, "holds"), m.Refresh(2, {"token": "bob"}), call(3, "look"))
    assert isinstance(await peer.answer(3), m.Result)
    assert await peer.result(call(4, "look")) == "unset"
    await peer.send(m.Refresh(5, {"token": "eve"}))
    assert isinstance(await peer.answer(5), m.Result)
    assert seen == ["unset None"] * 3
    assert await works(peer)
