"""A small app for the gateway tests: each procedure shows one thing that only a topology can break.

Tests steer it through files in TOPOLOGY_FOLDER, because nobody knows which worker will be asked.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI, HTTPException
from fusewire import Credentials, Fuse
from pydantic import BaseModel
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
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
async def length(words: str) -> int:
    return len(words)


@fuse.rpc
async def repeated(word: str, times: int) -> list[str]:
    return [word] * times


@fuse.rpc
async def gated(gate: str) -> AsyncIterator[str]:
    """The second item is made when the file `gate` is there, and not before."""
    try:
        yield "before"
        await opened(gate)
        yield "after"
    finally:
        (FOLDER / f"{gate}.left").touch()


@fuse.rpc
async def flood(mark: str) -> AsyncIterator[str]:
    """256 MiB for somebody who may not be reading; the file grows by a byte with each of the 4,096 items."""
    with (FOLDER / mark).open("ab", buffering=0) as file:
        for _ in range(4_096):
            file.write(b".")
            yield "x" * 65_536


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
    engine = create_async_engine(os.environ["DATABASE_URL"])
    try:
        async with engine.connect() as database:
            await database.execute(text("select 1"))
        async with Redis.from_url(os.environ["REDIS_URL"], socket_timeout=2) as redis:
            await redis.get("anything")
    except (OSError, SQLAlchemyError, RedisError) as error:
        raise HTTPException(503, type(error).__name__) from error
    finally:
        await engine.dispose()
    return {"status": "ready"}
