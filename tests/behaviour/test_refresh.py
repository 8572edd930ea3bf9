"""New credentials on a live connection, and an identity that runs out (PROTOCOL §2.5)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Cookie, Depends, Header
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fusewire import Call, Identity
from fusewire.wire import messages as m
from starlette.requests import HTTPConnection

from tests.support.peer import Peer, call
from tests.support.worlds import Blob, World

Open = Callable[..., Awaitable[Peer]]
bearer = HTTPBearer(auto_error=False)


def seen_by(
    connection: HTTPConnection,
    authorization: Annotated[str | None, Header()] = None,
) -> list[str | None]:
    return [authorization, connection.headers.get("authorization")]


def define(world: World) -> None:
    @world.fuse.rpc
    async def shows(
        call: Call,
        me: Identity | None,
        below: Annotated[list[str | None], Depends(seen_by)],
        scheme: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
        session: Annotated[str | None, Cookie()] = None,
        user_agent: Annotated[str | None, Header()] = None,
        wait: bool = False,
    ) -> list[Any]:
        if wait:
            world.note("shows waits")
            await world.gate.wait()
        return [
            me and me.id,
            *below,
            scheme and scheme.credentials,
            call.headers.get("authorization"),
            session,
            user_agent,
        ]


def shown(token: str | None) -> list[str | None]:
    header = token and f"Bearer {token}"
    return [token, header, header, token, header, "c1", "agent"]


async def test_the_token_is_the_authorization_header_and_the_rest_the_handshakes(world: World) -> None:
    define(world)
    headers = {"Cookie": "session=c1", "User-Agent": "agent", "Authorization": "Bearer ignored"}
    peer = await world.open(token="ann", headers=headers)
    assert await peer.result(call(1, "shows")) == shown("ann")
    # Under way while the credentials change: it keeps what it began with.
    await peer.send(call(2, "shows", wait=True))
    await world.until("shows waits")
    await peer.send(m.Refresh(3, {"token": "bob"}))
    assert isinstance(await peer.answer(3), m.Result)
    assert await peer.result(call(4, "shows")) == shown("bob")
    world.gate.set()
    answer = await peer.answer(2)
    assert isinstance(answer, m.Result)
    assert answer.value == shown("ann")


async def test_without_a_token_the_handshakes_own_header_counts(world: World) -> None:
    define(world)
    headers = {"Cookie": "session=c1", "User-Agent": "agent", "Authorization": "Bearer ann"}
    peer = await world.open(headers=headers)
    assert await peer.result(call(1, "shows")) == shown("ann")
    await peer.send(m.Refresh(2, {"token": "bob"}))
    await peer.answer(2)
    assert await peer.result(call(3, "shows")) == shown("bob")
    # A refresh that says nothing falls back to the handshake, as a hello that says nothing does.
    await peer.send(m.Refresh(4))
    await peer.answer(4)
    assert await peer.result(call(5, "shows")) == shown("ann")


async def test_a_token_cannot_bring_other_headers_along(world: World) -> None:
    define(world)
    peer = await world.open(
        token="ann\r\nX-Admin: 1", headers={"Cookie": "session=c1", "User-Agent": "agent"}
    )

    @world.fuse.rpc
    async def names(connection: HTTPConnection) -> list[str]:
        return connection.headers.keys()

    assert "x-admin" not in await peer.result(call(1, "names"))


async def test_refreshes_come_one_after_the_other(world: World, bystander: Peer) -> None:
    peer = await world.open(token="ann")
    await peer.send(m.Refresh(1, {"token": "slow"}), m.Refresh(2, {"token": "bob"}))
    await peer.result(call(3, "add", 1))
    world.gate.set()
    assert [(await peer.until(m.Result)).id for _ in range(2)] == [1, 2]
    assert await peer.result(call(4, "user")) == "bob"
    await world.fuse.to("ann", "slow").emit(Blob(data="not for bob"))
    await world.fuse.to("bob").emit(Blob(data="for bob"))
    assert (await peer.until(m.Event)).value == {"data": "for bob"}


async def test_an_identity_that_runs_out_ends_its_connection(world: World, bystander: Peer) -> None:
    peer = await world.open(token="brief")
    await peer.send(call(1, "wait_here"))
    assert await peer.close_code() == (4004, "identity_expired")
    await world.until("finally")


async def test_a_refresh_in_time_keeps_the_connection(world: World) -> None:
    peer = await world.open(token="brief")
    await peer.send(m.Refresh(1, {"token": "ann"}))
    await peer.answer(1)
    # Past the moment at which the first identity ran out.
    await peer.send(call(2, "wait_here", timeout_ms=200))
    assert (await peer.until(m.Error)).code == "DEADLINE_EXCEEDED"
    assert await peer.result(call(3, "user")) == "ann"


async def test_a_connection_that_is_lost_while_it_is_identified(world: World, bystander: Peer) -> None:
    peer = await world.open(say_hello=False)
    await peer.send(m.Hello(credentials={"token": "slow"}), call(1, "wait_here"))
    await world.until("identifying")
    await peer.close()
    world.gate.set()
    async with asyncio.timeout(5):
        while "1 members" not in repr(world.fuse):  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.01)
    assert "waiting" not in world.noted


async def test_a_client_is_told_when_its_identity_runs_out(world: World) -> None:
    """So that it can ask for another one in time; who stays for ever is told nothing."""
    brief = await world.open(token="brief", say_hello=False)
    await brief.send(m.Hello(credentials={"token": "brief"}))
    welcome = await brief.until(m.Welcome)
    assert 0 < welcome.limits["expires_ms"] <= 1_000
    assert await brief.result(m.Refresh(1, {"token": "ann"})) is None
    assert 0 < await brief.result(m.Refresh(2, {"token": "brief"})) <= 1_000
    lasting = await world.open(say_hello=False)
    await lasting.send(m.Hello(credentials={"token": "ann"}))
    assert "expires_ms" not in (await lasting.until(m.Welcome)).limits
