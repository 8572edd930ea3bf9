"""A small app for the gateway tests: each procedure shows one thing that only a topology can break.

Tests steer it through files in TOPOLOGY_FOLDER, because nobody knows which worker will be asked.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
from fastapi import FastAPI, HTTPException
from fusewire import Credentials, Fuse
from pydantic import BaseModel
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import HTTPConnection

FOLDER = Path(os.environ["TOPOLOGY_FOLDER"])
POLL_SECONDS = 0.01


class News(BaseModel):
    n: int


class Seen(BaseModel):
    """What a request looks like from behind the gateway."""

    client: str
    scheme: str
    headers: dict[str, str]


class Spell(BaseModel):
    pid: int
    began: float
    ended: float


app = FastAPI()
fuse = Fuse(app, name="topology")
fuse.rpc.event(News)


@fuse.identity
async def identify(credentials: Credentials) -> str | None:
    return credentials.token


@fuse.rpc
async def worker() -> int:
    """The process that answers."""
    return os.getpid()


@fuse.rpc
async def block(seconds: float) -> int:
    """Holds this worker's event loop, so that whatever is asked meanwhile goes to the others."""
    (FOLDER / f"blocked-{os.getpid()}").touch()
    time.sleep(seconds)  # noqa: ASYNC251 - the point
    return os.getpid()


@fuse.rpc
async def tell(user: str, n: int) -> int:
    await fuse.to(user).emit(News(n=n))
    return os.getpid()


@fuse.rpc(limit="5/h")
async def rare() -> int:
    return os.getpid()


@fuse.rpc
async def seen(connection: HTTPConnection) -> Seen:
    assert connection.client is not None
    return Seen(client=connection.client.host, scheme=connection.url.scheme, headers=dict(connection.headers))


@fuse.rpc
async def length(text: str) -> int:
    return len(text)


@fuse.rpc
async def repeated(text: str, times: int) -> list[str]:
    return [text] * times


@fuse.rpc
async def gated(gate: str) -> AsyncIterator[str]:
    """The second item is made when the file `gate` is there, and not before."""
    try:
        yield "before"
        await opened(gate)
        yield "after"
    finally:
        (FOLDER / f"{gate}.left").touch()


@fuse.rpc(timeout=30)
async def slow(gate: str) -> str:
    (FOLDER / f"{gate}.began").touch()
    await opened(gate)
    return "done"


@fuse.rpc
async def die(mark: str) -> None:
    """Counts the attempt, then ends the worker as the kernel would when memory runs out."""
    attempt(mark)


@fuse.rpc.get("/die")
async def die_by_get(mark: str) -> None:
    attempt(mark)


def attempt(mark: str) -> None:
    with (FOLDER / mark).open("a") as file:
        file.write("once\n")
    os.kill(os.getpid(), signal.SIGKILL)


async def opened(gate: str) -> None:
    while not (FOLDER / gate).exists():  # noqa: ASYNC110 - other workers have no event to set
        await asyncio.sleep(POLL_SECONDS)


@app.get("/api/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/api/ready")
async def ready() -> dict[str, str]:
    """Database and broker, asked each time, by the addresses that the service was given."""
    if (FOLDER / "not-ready").exists():
        raise HTTPException(503, "told not to be")
    url = os.environ["DATABASE_URL"].replace("+asyncpg", "")
    try:
        database = await asyncpg.connect(url, timeout=2)
        await database.fetchval("select 1")
        await database.close()
        async with Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2) as redis:
            await redis.ping()  # type: ignore[misc]  # typed for both kinds of client
    except (OSError, asyncpg.PostgresError, RedisError) as error:
        raise HTTPException(503, type(error).__name__) from error
    return {"status": "ready"}
