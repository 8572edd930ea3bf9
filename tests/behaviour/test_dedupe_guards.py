"""What stands before a procedure's function: whether it lets a call with a key pass, and whom it is not asked about."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fusewire import Call, Credentials, Fuse, Identity
from fusewire.errors import InvalidArgument, RateLimited
from fusewire.wire import messages as m

from tests.support.peer import Peer, connected
from tests.support.server import serving
from tests.support.shop import answer, http, keyed
from tests.support.worlds import Notes


class Door:
    """An app with two guards, either of which may be closed."""

    def __init__(self) -> None:
        self.note = Notes()
        self.guard_refuses: Exception | None = None
        self.guard_waits: asyncio.Event | None = None
        self.middleware_refuses = False
        self.scopes = frozenset({"pay"})
        self.expires_at: datetime | None = None
        self.raised: Exception = ValueError("oops")
        self.fuse = Fuse(FastAPI())
        self._define(self.fuse)

    def _define(self, fuse: Fuse) -> None:
        @fuse.identity
        async def identify(credentials: Credentials) -> Identity:
            return Identity(credentials.token or "", scopes=self.scopes, expires_at=self.expires_at)

        @fuse.middleware
        async def watch(call: Call, call_next: Callable[[], Awaitable[Any]]) -> Any:
            self.note("middleware")
            if self.middleware_refuses:
                raise HTTPException(503, "closed")
            return await call_next()

        async def guard() -> None:
            self.note("guard")
            if self.guard_refuses is not None:
                raise self.guard_refuses
            if self.guard_waits is not None:
                await self.guard_waits.wait()

        @fuse.rpc(dedupe="10m", scopes=["pay"])
        async def pay(guarded: Annotated[None, Depends(guard)]) -> int:
            self.note("pay")
            return self.note.noted.count("pay")

        @fuse.rpc(dedupe="10m")
        async def fail() -> None:
            self.note("pay")
            raise self.raised


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def host(door: Door) -> AsyncIterator[str]:
    async with serving(door.fuse.app) as host:
        yield host


@pytest.fixture
async def peer(host: str) -> AsyncIterator[Peer]:
    async with connected(host, token="ann") as peer:
        yield peer


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RequestValidationError([{"type": "x", "loc": ("n",), "msg": "no"}]), "INVALID_ARGUMENT"),
        (InvalidArgument([{"type": "x", "loc": ("n",), "msg": "no"}]), "INVALID_ARGUMENT"),
        (RateLimited(3), "RATE_LIMITED"),
        (HTTPException(403), "FORBIDDEN"),
    ],
)
async def test_what_the_function_raises_is_its_outcome(
    door: Door, peer: Peer, error: Exception, code: str
) -> None:
    door.raised = error
    assert [(await answer(peer, "fail")).code for _ in range(3)] == [code] * 3
    assert door.note.noted.count("pay") == 1


@pytest.mark.parametrize("error", [HTTPException(403), RateLimited(3), ValueError("oops")])
async def test_what_a_guard_refused_is_tried_anew(door: Door, peer: Peer, error: Exception) -> None:
    door.guard_refuses = error
    assert isinstance(await answer(peer, "pay"), m.Error)
    door.guard_refuses = None
    door.middleware_refuses = True
    assert isinstance(await answer(peer, "pay"), m.Error)
    door.middleware_refuses = False
    assert (await answer(peer, "pay")).value == 1


async def test_what_was_stopped_before_it_began_is_tried_anew(door: Door, peer: Peer) -> None:
    door.guard_waits = asyncio.Event()
    message = keyed("pay")
    await peer.send(message)
    await door.note.until("guard")
    await peer.send(m.Cancel(message.id))
    assert (await peer.until(m.Error)).code == "CANCELLED"
    door.guard_waits = None
    assert (await answer(peer, "pay")).value == 1


async def test_what_is_answered_from_what_was_kept_passes_no_guard(door: Door, peer: Peer, host: str) -> None:
    assert (await answer(peer, "pay")).value == 1
    assert door.note.noted == ["guard", "middleware", "pay"]
    door.guard_refuses = HTTPException(403)
    assert (await answer(peer, "pay")).value == 1
    async with http(host, token="ann") as client:
        assert (await client.post("/pay")).json() == 1
    assert door.note.noted == ["guard", "middleware", "pay"]


async def test_but_who_may_not_call_is_not_told_what_was_kept(door: Door, peer: Peer, host: str) -> None:
    assert (await answer(peer, "pay")).value == 1
    door.scopes = frozenset()
    async with http(host, token="ann") as client, connected(host, token="ann") as other:
        assert (await client.post("/pay")).json()["code"] == "FORBIDDEN"
        assert (await answer(other, "pay")).code == "FORBIDDEN"
        door.scopes, door.expires_at = frozenset({"pay"}), datetime.now(UTC) - timedelta(seconds=1)
        assert (await client.post("/pay")).json()["code"] == "UNAUTHENTICATED"
        assert (await answer(peer, "pay")).value == 1
    async with http(host, token="bob") as client:
        door.expires_at = None
        assert (await client.post("/pay")).json() == 2
