"""`app.dependency_overrides`, on every transport: how an app is tested."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, HTTPException
from fusewire import Fuse
from starlette.requests import HTTPConnection

from tests.support.callers import Caller, CallError
from tests.support.worlds import Notes

Connect = Callable[..., Awaitable[Caller]]


async def rest(stream: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in stream]


def nothing() -> None: ...


async def test_an_override_may_yield_or_not_and_need_others(
    fuse: Fuse, connect: Connect, session: Any, note: Notes
) -> None:
    def real_user() -> str:
        return "real"

    async def fake_session() -> AsyncGenerator[str]:
        yield "fake session"
        note("fake left")

    def fake_user(connection: HTTPConnection, db: Annotated[str, Depends(session)]) -> Iterator[str]:
        yield f"fake user on {db} {bool(connection.headers['host'])}"

    @fuse.rpc
    async def use(
        db: Annotated[str, Depends(session)], user: Annotated[str, Depends(real_user)]
    ) -> list[str]:
        return [db, user]

    overrides = fuse.app.dependency_overrides
    caller = await connect()
    # A plain one for one that yields, a yielding one for a plain one, and what they need is overridden too.
    overrides[session] = lambda: "plain"
    assert await caller.call("use") == ["plain", "real"]
    overrides[session] = fake_session
    overrides[real_user] = fake_user
    assert await caller.call("use") == ["fake session", "fake user on fake session True"]
    await note.until("fake left")
    assert "open" not in note.noted
    overrides.clear()
    overrides[session] = lambda: "plain"
    assert await caller.call("use") == ["plain", "real"]


async def test_a_guard_can_be_overridden(fuse: Fuse, connect: Connect) -> None:
    def guard() -> None:
        raise HTTPException(403)

    @fuse.rpc(dependencies=[Depends(guard)])
    async def enter() -> AsyncIterator[str]:
        yield "in"

    caller = await connect()
    with pytest.raises(CallError, match="403"):
        await anext(caller.stream("enter"))
    fuse.app.dependency_overrides[guard] = nothing
    assert await rest(caller.stream("enter")) == ["in"]
