"""Behaviours are written once and run over every transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from fusewire import Credentials, Fuse

from tests.support.callers import PYTHON_CLIENTS, TRANSPORTS, Caller, calling
from tests.support.peer import Peer, connected
from tests.support.server import serving
from tests.support.shop import Shop
from tests.support.valkey import ValkeyServer
from tests.support.worlds import Notes, World, works


@pytest.fixture(params=[*TRANSPORTS, *PYTHON_CLIENTS])
def transport(request: pytest.FixtureRequest) -> str:
    """What carries the calls; the generated Python client is one more caller on two of the transports."""
    return str(PYTHON_CLIENTS.get(request.param, request.param))


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """One server for the session; each test has an app name, and so keys, of its own."""
    with ValkeyServer() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def broker_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What `broker=` gets: None is this process alone."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    if request.param == "memory":
        return None
    server: ValkeyServer = request.getfixturevalue("valkey")
    return server.url


@pytest.fixture
def fuse() -> Fuse:
    """An app whose bearer token is the user's id; the token `bad` is refused."""
    fuse = Fuse(FastAPI())

    @fuse.identity
    async def identify(credentials: Credentials) -> str | None:
        if credentials.token == "bad":
            raise PermissionError("expired")
        return credentials.token

    return fuse


Connect = Callable[..., Awaitable[Any]]


@pytest.fixture
async def connect(
    fuse: Fuse, transport: str, request: pytest.FixtureRequest
) -> AsyncIterator[Callable[..., Awaitable[Caller]]]:
    """Start serving on the first use; `await connect(token=...)` gives a caller on the transport under test."""
    under_test = request.node.callspec.params.get("transport", transport)
    async with AsyncExitStack() as stack:
        host: list[str] = []

        async def open_caller(
            *, token: str | None = None, on: str | None = None, headers: Mapping[str, str] | None = None
        ) -> Caller:
            if not host:
                host.append(await stack.enter_async_context(serving(fuse.app)))
            caller: Caller = await stack.enter_async_context(
                calling(on or under_test, host[0], fuse.contract(), token=token, headers=headers)
            )
            return caller

        yield open_caller


Start = Callable[..., Awaitable[World]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """`await start(calls=2)` serves a world with this bound changed."""
    async with AsyncExitStack() as stack:

        async def start(**changes: Any) -> World:
            return await stack.enter_async_context(World(**changes))

        yield start


@pytest.fixture
async def world(start: Start) -> World:
    return await start()


@pytest.fixture
def open_peer(world: World) -> Callable[..., Awaitable[Peer]]:
    return world.open


@pytest.fixture
async def bystander(world: World) -> AsyncIterator[Peer]:
    """Another connection, which notices nothing of what the test does."""
    peer = await world.open(token="bystander")
    yield peer
    assert await works(peer)


@pytest.fixture
def note() -> Notes:
    return Notes()


@pytest.fixture
def gate() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def session(note: Notes, gate: asyncio.Event) -> Callable[[], AsyncGenerator[str]]:
    """A dependency whose leaving waits at the gate."""

    async def session() -> AsyncGenerator[str]:
        note("open")
        yield "s"
        note("leaving")
        await gate.wait()
        note("left")

    return session


@pytest.fixture
def shop(broker_url: str | None) -> Shop:
    return Shop(broker_url)


@pytest.fixture
async def hosts(shop: Shop) -> AsyncIterator[tuple[str, str]]:
    """Of two workers; in memory it is the same one twice."""
    one, two = shop.worker(), shop.worker()
    async with serving(one.app) as here:
        if one is two:
            yield here, here
        else:
            async with serving(two.app) as there:
                yield here, there
        shop.gate.set()


@pytest.fixture
async def devices(hosts: tuple[str, str]) -> AsyncIterator[tuple[Peer, Peer]]:
    """One user at both workers."""
    here, there = hosts
    async with connected(here, token="ann") as one, connected(there, token="ann") as two:
        yield one, two
