"""The app that is measured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from fusewire import Credentials, Fuse, Identity
from fusewire.contract import calls_hash
from pydantic import BaseModel

from benchmarks.servers.models import STORED, Team, team_of

app = FastAPI()
fuse = Fuse(app)
rpc = fuse.rpc


@fuse.identity
async def identify(credentials: Credentials) -> Identity | None:
    return Identity(credentials.token) if credentials.token else None


@rpc.event
class Progress(BaseModel):
    """Without events there would be no topics, and an idle connection would be cheaper than those of most apps."""

    percent: int


async def resource() -> AsyncIterator[int]:
    yield 1


@rpc
async def add(a: int, b: int) -> int:
    return a + b


@rpc
async def team(n: int) -> Team:
    return STORED[n]


@rpc(response_model=Team)
async def team_rows(n: int) -> Any:
    return team_of(n)


@rpc
async def with_dependency(a: int, b: int, one: Annotated[int, Depends(resource)]) -> int:
    return a + b + one - 1


@rpc
async def count(n: int) -> AsyncIterator[int]:
    for number in range(n):
        yield number


@rpc
async def flood() -> AsyncIterator[bytes]:
    while True:
        yield bytes(1024)


@app.get("/calls")
async def calls() -> str:
    """What a generated client says in hello, so that the real one may send arguments by position."""
    return calls_hash(fuse.contract())
