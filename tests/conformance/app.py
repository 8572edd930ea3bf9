"""The standard procedures of the conversations, as an ordinary app: `uvicorn tests.conformance.app:app`.

`quick` is the same with the protocol's times made short, for the conversations that wait for one of them.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, HTTPException
from fusewire import Bounds, Credentials, Fuse, Identity, Router, RpcError, active_user, emit
from pydantic import BaseModel

rpc = Router()


class Nope(BaseModel):
    why: str


class Refused(RpcError[Nope], status=409):
    """A declared error with data."""


@rpc.event
class Note(BaseModel):
    text: str


async def identify(credentials: Credentials) -> Identity | str | None:
    """The token is the user's name; some names are special."""
    match credentials.token:
        case "bad":
            raise PermissionError("refused")
        case "never":
            await asyncio.Event().wait()
        case "delayed":
            # As slow as a database: longer than the frames behind hello take.
            await asyncio.sleep(0.3)
        case "brief":
            return Identity("brief", expires_at=datetime.now(UTC) + timedelta(seconds=0.5))
        case "fresh":
            return secrets.token_hex(8)
        case "admin":
            return Identity("admin", scopes=frozenset(("admin",)))
    return credentials.token


# Calls


@rpc
async def add(a: int, b: int = 0) -> int:
    return a + b


@rpc
async def echo(value: Any) -> Any:
    return value


@rpc
async def length(value: str) -> int:
    return len(value)


@rpc
async def big(size: int) -> bytes:
    return bytes(size)


@rpc
async def hang() -> None:
    """Until cancelled."""
    await asyncio.Event().wait()


@rpc(raises=[Refused])
async def refuse(why: str) -> None:
    raise Refused(Nope(why=why), "refused")


@rpc
async def crash() -> None:
    raise RuntimeError("nobody declared this")


@rpc
async def http_error(status: int) -> None:
    raise HTTPException(status, "as FastAPI says it")


@rpc
async def whoami() -> str | None:
    return active_user()


@rpc(auth=True)
async def private() -> str | None:
    return active_user()


@rpc(scopes=["admin"])
async def admin_only() -> bool:
    return True


@rpc(limit="1/h", auth=True)
async def once_an_hour() -> bool:
    return True


@rpc
async def announce(text: str) -> None:
    await emit(Note(text=text))


@rpc
async def calls_hash() -> str:
    """What a client of this app says in hello."""
    found: str = app.state.fusewire.contract()["calls"]
    return found


@rpc
async def stop_server() -> None:
    """As whoever runs it would."""
    os.kill(os.getpid(), signal.SIGTERM)


# Streams


@rpc
async def count(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i


@rpc
async def endless() -> AsyncIterator[int]:
    n = 0
    while True:
        yield n
        n += 1


@rpc
async def blobs(size: int) -> AsyncIterator[bytes]:
    while True:
        yield bytes(size)


@rpc
async def whoami_again() -> AsyncIterator[str | None]:
    while True:
        yield active_user()


@rpc(raises=[Refused])
async def count_then_refuse(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i
    raise Refused(Nope(why="enough"), "refused")


@rpc
async def hang_stream() -> AsyncIterator[int]:
    """Not one item, until cancelled."""
    await asyncio.Event().wait()
    yield 0


# Streams that can be resumed


@rpc(resume="10s")
async def count_kept(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i


@rpc(resume="10s")
async def endless_kept() -> AsyncIterator[int]:
    n = 0
    while True:
        yield n
        n += 1


@rpc(resume="10s", raises=[Refused])
async def count_then_refuse_kept(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i
    raise Refused(Nope(why="enough"), "refused")


@rpc(resume="10s")
async def one_kept() -> AsyncIterator[int]:
    """One item, and then nothing until cancelled."""
    yield 0
    await asyncio.Event().wait()


@rpc(resume="10s")
async def nothing_kept() -> AsyncIterator[None]:
    yield None


# Uploads


@rpc(transports="websocket")
async def total(items: AsyncIterator[int]) -> int:
    return sum([item async for item in items])


@rpc(transports="websocket")
async def scale(factor: int, items: AsyncIterator[int]) -> int:
    return factor * sum([item async for item in items])


@rpc(transports="websocket")
async def first(items: AsyncIterator[int]) -> int:
    """Takes one item, and settles while the upload goes on."""
    return await anext(items)


@rpc(transports="websocket")
async def ignore(items: AsyncIterator[Any]) -> None:
    """Takes no item at all, until cancelled."""
    await asyncio.Event().wait()


@rpc(transports="websocket")
async def echo_all(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for item in items:
        yield item


# Bounds of their own


@rpc(max_bytes=8 * 2**20)
async def large(value: bytes) -> int:
    return len(value)


@rpc(max_bytes=1000)
async def small(value: str) -> int:
    return len(value)


def build(bounds: Bounds, drain_seconds: float) -> FastAPI:
    app = FastAPI()
    fuse = Fuse(app, bounds=bounds, drain_seconds=drain_seconds)
    fuse.identity(identify)
    fuse.include_router(rpc)
    return app


app = build(Bounds(), 30)
# The time for hello is longer than two heartbeats: a ping is due a heartbeat after welcome, whatever the time for hello is.
quick = build(Bounds(hello_seconds=2, identify_seconds=0.5, heartbeat_seconds=0.8), 0.5)
