"""The app whose events are measured, served as docs/production.md has it; in memory, or over Redis with `REDIS_URL`."""

from __future__ import annotations

from fastapi import FastAPI
from fusewire import Credentials, Fuse, Identity
from pydantic import BaseModel

WS = "fusewire.serving:WebSocketProtocol"

app = FastAPI()
fuse = Fuse(app)


@fuse.identity
async def identify(credentials: Credentials) -> Identity | None:
    return Identity(credentials.token) if credentials.token else None


@fuse.rpc.event
class Tick(BaseModel):
    number: int


@fuse.rpc
async def tell_all(times: int) -> None:
    for number in range(times):
        await fuse.broadcast().emit(Tick(number=number))


@fuse.rpc
async def tell(user: str, times: int) -> None:
    for number in range(times):
        await fuse.to(user).emit(Tick(number=number))
