"""What an exception becomes, on every transport."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Any

import pytest
from fastapi import Depends, HTTPException
from fusewire import Fuse, RpcError
from pydantic import BaseModel

from tests.support.callers import Caller, CallError

Connect = Callable[..., Awaitable[Caller]]


class BudgetData(BaseModel):
    left: int


class BudgetSpent(RpcError[BudgetData], status=402):
    """No money left."""


class JobRunning(RpcError, status=409):
    """It declares no data."""


async def test_a_declared_error_keeps_code_status_and_data(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc(raises=[BudgetSpent])
    async def spend() -> None:
        raise BudgetSpent(BudgetData(left=3), "spent it all")

    with pytest.raises(CallError) as caught:
        await (await connect()).call("spend")
    error = caught.value
    assert (error.status, error.code, error.detail, error.data) == (
        402,
        "BUDGET_SPENT",
        "spent it all",
        {"left": 3},
    )


async def test_an_http_exception_keeps_status_and_detail(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def find() -> None:
        raise HTTPException(404, {"missing": "book"})

    with pytest.raises(CallError) as caught:
        await (await connect()).call("find")
    assert (caught.value.status, caught.value.code, caught.value.detail) == (
        404,
        "NOT_FOUND",
        {"missing": "book"},
    )


async def test_an_unknown_exception_leaves_as_an_id_that_is_in_the_log(
    fuse: Fuse, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    @fuse.rpc
    async def burst() -> None:
        raise ValueError("db password is hunter2")

    with pytest.raises(CallError) as caught:
        await (await connect()).call("burst")
    assert (caught.value.status, caught.value.code) == (500, "INTERNAL")
    assert "hunter2" not in str(caught.value)
    assert caught.value.id
    assert caught.value.id in caplog.text


async def test_a_result_that_does_not_fit_is_our_fault(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def broken() -> int:
        return "not a number"  # type: ignore[return-value]  # that is the point

    with pytest.raises(CallError, match="500 INTERNAL"):
        await (await connect()).call("broken")


class OwnExit(BaseException):
    """Not an Exception: nothing in a server should ever let one through."""


async def test_whatever_is_raised_ends_its_call_alone(
    fuse: Fuse, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)

    async def cancelled() -> None:
        task = asyncio.current_task()
        assert task is not None
        raise asyncio.CancelledError

    raising: dict[str, Callable[[], Any]] = {
        "misfit": lambda: BudgetSpent({"wrong": 1}),  # type: ignore[arg-type]  # that is the point
        "unwritable": lambda: HTTPException(409, {"x": object()}),
        "huge": lambda: HTTPException(409, {"x": 2**70}),
        "undeclared": lambda: JobRunning({"left": 1}),  # type: ignore[arg-type]  # that is the point
        "no status": lambda: HTTPException(700),
        "hint": lambda: HTTPException(103),
        "split": lambda: HTTPException(409, headers={"x-a": "b\r\nset-cookie: c=d"}),
        "no header": lambda: HTTPException(409, headers={"x-a": "\u20ac"}),
        "exit": lambda: SystemExit(3),
        "interrupt": KeyboardInterrupt,
        "generator_exit": GeneratorExit,
        "own": OwnExit,
        "group": lambda: ExceptionGroup("several", [ValueError()]),
        "stop": StopIteration,
        "stop_async": StopAsyncIteration,
        "cancelled": asyncio.CancelledError,
    }

    @fuse.rpc
    async def fail(how: str) -> None:
        raise raising[how]()

    @fuse.rpc
    def fail_in_a_thread(how: str) -> None:
        raise raising[how]()

    @fuse.rpc
    async def swallowed(db: Annotated[None, Depends(swallow)]) -> None:
        raise ValueError

    caller = await connect()
    for how in raising:
        for name in ("fail", "fail_in_a_thread"):
            if (name, how) == ("fail_in_a_thread", "cancelled"):
                continue  # a thread's future takes it as its own cancellation; nobody raises it there
            with pytest.raises(CallError) as caught:
                await caller.call(name, how)
            assert caught.value.code == "INTERNAL", (name, how)
            assert caught.value.id
    with pytest.raises(CallError, match="INTERNAL"):
        await caller.call("swallowed")


async def swallow() -> AsyncGenerator[None]:
    with contextlib.suppress(ValueError):
        yield
