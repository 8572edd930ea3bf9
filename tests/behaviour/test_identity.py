"""Who calls, and what they may, on every transport."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fusewire import Fuse, Identity, active_user, is_http, is_rpc

from tests.support.callers import Caller, CallError

Connect = Callable[..., Awaitable[Caller]]


async def test_who_is_calling(fuse: Fuse, connect: Connect, transport: str) -> None:
    @fuse.rpc.get("/whoami")
    async def whoami() -> list[Any]:
        return [active_user(), is_rpc(), is_http()]

    websocket = transport == "websocket"
    assert await (await connect()).call("whoami") == [None, websocket, not websocket]
    assert await (await connect(token="ann")).call("whoami") == ["ann", websocket, not websocket]


async def test_auth_and_scopes(fuse: Fuse, connect: Connect) -> None:
    @fuse.rpc(auth=True)
    async def members() -> str:
        return "in"

    @fuse.rpc(scopes=["admin"])
    async def admins() -> str:
        return "in"

    @fuse.rpc
    async def own(me: Identity) -> str:
        return me.id

    anonymous, ann = await connect(), await connect(token="ann")
    for name in ("members", "admins", "own"):
        with pytest.raises(CallError, match="401 UNAUTHENTICATED"):
            await anonymous.call(name)
    assert await ann.call("members") == "in"
    assert await ann.call("own") == "ann"
    with pytest.raises(CallError, match="403 FORBIDDEN"):
        await ann.call("admins")


async def test_a_refused_identity_is_refused(fuse: Fuse, connect: Connect, transport: str) -> None:
    @fuse.rpc
    async def ping() -> str:
        return "pong"

    if transport == "websocket":
        return  # the handshake's outcome has its own test
    with pytest.raises(CallError, match="401 UNAUTHENTICATED"):
        await (await connect(token="bad")).call("ping")
