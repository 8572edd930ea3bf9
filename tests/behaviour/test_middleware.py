"""`@fuse.middleware`: around every call, on every transport."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Depends, HTTPException
from fusewire import Call, Fuse, RpcError

from tests.support.callers import Caller, CallError
from tests.support.rows import Public, Row
from tests.support.worlds import Notes

Connect = Callable[..., Awaitable[Caller]]
Next = Callable[[], Awaitable[Any]]


class Spent(RpcError, status=402):
    """Nothing left."""


async def test_the_first_one_is_outermost_and_each_sees_the_call(
    fuse: Fuse, connect: Connect, note: Notes, transport: str
) -> None:
    for name in ("outer", "inner"):

        def named(name: str) -> Any:
            async def around(call: Call, call_next: Next) -> Any:
                note(f"{name} before {call.procedure} of {call.identity and call.identity.id}")
                assert call.transport == transport.partition("-")[0]
                result = await call_next()
                note(f"{name} after {result}")
                return result

            return around

        fuse.middleware(named(name))

    def dependency() -> int:
        return 2

    @fuse.rpc
    async def plain(n: int) -> int:
        note("run")
        return n

    @fuse.rpc
    def in_a_thread(n: int, other: Annotated[int, Depends(dependency)]) -> int:
        fuse.app.state.loop.call_soon_threadsafe(note, "run")
        return n + other

    fuse.app.state.loop = asyncio.get_running_loop()
    caller = await connect(token="ann")
    for procedure, result in (("plain", 1), ("in_a_thread", 3)):
        note.noted.clear()
        assert await caller.call(procedure, 1) == result
        assert note.noted == [
            f"outer before {procedure} of ann",
            f"inner before {procedure} of ann",
            "run",
            f"inner after {result}",
            f"outer after {result}",
        ]


async def test_what_it_returns_is_the_result_and_is_held_to_the_type(fuse: Fuse, connect: Connect) -> None:
    @fuse.middleware
    async def change(call: Call, call_next: Next) -> Any:
        if call.procedure == "skipped":
            return {"name": "nobody", "password_hash": "secret"}
        found = await call_next()
        if call.procedure == "broken":
            return {"nothing": "fits"}
        return Row(name=found.name + "!")

    @fuse.rpc
    async def load() -> Public:
        return Public(name="ann")

    @fuse.rpc
    async def skipped() -> Public:
        raise AssertionError("nobody asked for it")

    @fuse.rpc
    async def broken() -> Public:
        return Public(name="ann")

    caller = await connect()
    assert await caller.call("load") == {"name": "ann!"}
    assert await caller.call("skipped") == {"name": "nobody"}
    with pytest.raises(CallError, match="500 INTERNAL"):
        await caller.call("broken")


async def test_exceptions_pass_in_both_directions(fuse: Fuse, connect: Connect, note: Notes) -> None:
    @fuse.middleware
    async def guard(call: Call, call_next: Next) -> Any:
        if call.procedure == "refused":
            raise HTTPException(409, "not now")
        try:
            return await call_next()
        except Spent as error:
            note(f"saw {error.code}")
            raise
        except KeyError:
            return "rescued"
        except ValueError as error:
            raise Spent(message="instead") from error

    @fuse.rpc
    async def refused() -> str:
        raise AssertionError("must not run")

    @fuse.rpc
    async def fails(how: str) -> str:
        raise {"spent": Spent(message="all"), "key": KeyError(), "value": ValueError()}[how]

    caller = await connect()
    with pytest.raises(CallError, match="409 CONFLICT: not now"):
        await caller.call("refused")
    with pytest.raises(CallError, match="402 SPENT: all"):
        await caller.call("fails", "spent")
    assert note.noted == ["saw SPENT"]
    assert await caller.call("fails", "key") == "rescued"
    with pytest.raises(CallError, match="402 SPENT: instead"):
        await caller.call("fails", "value")


async def test_it_does_not_run_for_a_call_that_is_refused(fuse: Fuse, connect: Connect, note: Notes) -> None:
    @fuse.middleware
    async def around(call: Call, call_next: Next) -> Any:
        note(call.procedure)
        return await call_next()

    def refuse() -> None:
        raise HTTPException(403, "no")

    @fuse.rpc(auth=True)
    async def members() -> None: ...

    @fuse.rpc(scopes=["admin"])
    async def admins() -> None: ...

    @fuse.rpc(limit="1/h")
    async def rare() -> None: ...

    @fuse.rpc
    async def typed(n: int) -> None: ...

    @fuse.rpc(dependencies=[Depends(refuse)])
    async def guarded() -> None: ...

    caller, ann = await connect(), await connect(token="ann")
    await caller.call("rare")
    for who, name, args, says in (
        (caller, "members", [], "401"),
        (ann, "admins", [], "403 FORBIDDEN: Missing"),
        (caller, "rare", [], "429"),
        (caller, "typed", ["x"], "422"),
        (caller, "guarded", [], "403 FORBIDDEN: no"),
    ):
        with pytest.raises(CallError, match=says):
            await who.call(name, *args)
    await caller.call("typed", 1)
    assert note.noted == ["rare", "typed"]


async def test_it_lies_between_dependencies_and_the_function(
    fuse: Fuse, connect: Connect, note: Notes
) -> None:
    @fuse.middleware
    async def around(call: Call, call_next: Next) -> Any:
        note("before")
        try:
            return await call_next()
        finally:
            note("after")

    def dependency(name: str) -> Callable[[], AsyncGenerator[None]]:
        async def entered() -> AsyncGenerator[None]:
            note(f"{name} open")
            try:
                yield
            except HTTPException:
                note(f"{name} saw it")
                raise
            finally:
                note(f"{name} closed")

        return entered

    @fuse.rpc
    async def work(
        fail: bool,
        tasks: BackgroundTasks,
        request: Annotated[None, Depends(dependency("request"))],
        function: Annotated[None, Depends(dependency("function"), scope="function")],
    ) -> None:
        note("run")
        tasks.add_task(note, "background")
        if fail:
            raise HTTPException(400)

    caller = await connect()
    await caller.call("work", fail=False)
    await note.until("request closed")
    opened = ["request open", "function open", "before", "run", "after"]
    assert note.noted == [*opened, "function closed", "background", "request closed"]
    note.noted.clear()
    with pytest.raises(CallError, match="400"):
        await caller.call("work", fail=True)
    await note.until("request closed")
    failed = ["function saw it", "function closed", "request saw it", "request closed"]
    assert note.noted == [*opened, *failed]


async def test_its_task_and_context_are_the_calls(fuse: Fuse, connect: Connect, note: Notes) -> None:
    @fuse.middleware
    async def hasty(call: Call, call_next: Next) -> Any:
        try:
            async with asyncio.timeout(0.05):
                return await call_next()
        except TimeoutError:
            return "too late"

    @fuse.rpc
    async def slow() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            note("stopped")
        return "never"

    caller = await connect()
    for times in (1, 2):
        assert await caller.call("slow") == "too late"
        assert note.noted.count("stopped") == times
