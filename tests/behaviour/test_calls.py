"""What a call does, on every transport."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from fusewire import Fuse, active_user

from tests.support.callers import Caller, CallError
from tests.support.rows import Public, Row

Connect = Callable[..., Awaitable[Caller]]


class Ledger:
    """An ORM row: attributes, no mapping."""

    name = "ann"
    password_hash = "secret"


async def test_a_function_is_called_with_defaults_and_keywords(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def area(width: int, height: int = 2, *, scale: int = 1) -> int:
        return width * height * scale

    caller = await connect()
    assert await caller.call("area", 3) == 6
    assert await caller.call("area", 3, 5) == 15
    assert await caller.call("area", 3, scale=10) == 60


async def test_a_plain_def_runs_in_a_thread(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert await (await connect()).call("where") is False


async def test_a_single_model_is_the_body_and_a_row_is_filtered(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc
    async def rename(person: Public) -> Public:
        return Row(name=person.name + "!", password_hash="secret")

    @fuse.rpc
    async def load() -> Public:
        return Ledger()  # type: ignore[return-value]  # what an ORM gives

    @fuse.rpc
    async def team() -> list[Public]:
        return [Row(name="a", password_hash="s"), {"name": "b", "password_hash": "s"}]  # type: ignore[list-item]  # what an ORM gives, and what a query does

    caller = await connect()
    assert await caller.call("rename", {"name": "ann"}) == {"name": "ann!"}
    assert await caller.call("load") == {"name": "ann"}
    assert await caller.call("team") == [{"name": "a"}, {"name": "b"}]


async def test_unknown_procedure(fuse: Fuse, connect: Connect, transport: str) -> None:
    @fuse.rpc
    async def here() -> None: ...

    caller = await connect()
    if transport == "websocket":
        with pytest.raises(CallError, match="404 UNKNOWN_PROCEDURE"):
            await caller.call("nowhere")
        with pytest.raises(CallError, match="404 UNKNOWN_PROCEDURE"):
            await caller.call("__class__")
    assert await caller.call("here") is None


async def test_one_limit_for_all_transports(fuse: Fuse, connect: Connect, transport: str) -> None:
    @fuse.rpc.get("/rare", limit="3/h")
    async def rare() -> int:
        return 1

    ann, elsewhere, bob = (
        await connect(token="ann"),
        await connect(token="ann", on="http-json"),
        await connect(token="bob"),
    )
    assert await ann.call("rare") + await elsewhere.call("rare") + await ann.call("rare") == 3
    for spent in (ann, elsewhere):
        with pytest.raises(CallError) as caught:
            await spent.call("rare")
        assert (caught.value.status, caught.value.code) == (429, "RATE_LIMITED")
        assert 1 <= caught.value.data["retry_after"] <= 3600
    assert await bob.call("rare") == 1


async def test_calls_do_not_share_context_and_run_at_once(
    fuse: Fuse, connect: Connect, transport: str
) -> None:
    together = asyncio.Barrier(2)

    @fuse.rpc
    async def meet() -> str | None:
        async with asyncio.timeout(5):
            await together.wait()
        return active_user()

    ann, bob = await connect(token="ann"), await connect(token="bob")
    assert [*await asyncio.gather(ann.call("meet"), bob.call("meet"))] == ["ann", "bob"]
