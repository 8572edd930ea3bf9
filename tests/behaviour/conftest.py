"""Behaviours are written once and run over every transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from fusewire import Credentials, Fuse

from tests.support.callers import TRANSPORTS, Caller, calling
from tests.support.server import serving


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


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
async def connect(fuse: Fuse, transport: str) -> AsyncIterator[Callable[..., Awaitable[Caller]]]:
    """Start serving on the first use; `await connect(token=...)` gives a caller on the transport under test."""
    async with AsyncExitStack() as stack:
        host: list[str] = []

        async def open_caller(*, token: str | None = None, on: str | None = None) -> Caller:
            if not host:
                host.append(await stack.enter_async_context(serving(fuse.app)))
            caller: Caller = await stack.enter_async_context(
                calling(on or transport, host[0], fuse.contract(), token=token)
            )
            return caller

        yield open_caller
