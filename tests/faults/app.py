"""The app whose workers are killed: it writes what it is told to, and notes each call that it runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fusewire import Credentials, Fuse, History, Identity
from fusewire.bounds import Bounds
from fusewire.broker.port import BrokerError
from fusewire.hub import Audience
from pydantic import BaseModel

from tests.faults.workers import LEDGER

KEPT = ("5m", 100_000)

app = FastAPI()
fuse = Fuse(
    app,
    history=History(user=KEPT, room=KEPT, broadcast=KEPT),
    # A client that hears nothing for 8 s beyond that gives its connection up.
    bounds=Bounds(heartbeat_seconds=3),
    # Streams run for some seconds where much else goes on.
    drain_seconds=15.0,
)
rpc = fuse.rpc
_ledger = os.open(os.environ[LEDGER], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@fuse.identity
async def identify(credentials: Credentials) -> Identity | None:
    return Identity(credentials.token) if credentials.token else None


@rpc.event
class Note(BaseModel):
    writer: str
    number: int


def audience(topic: str) -> Audience:
    kind, _, name = topic.partition(":")
    if kind == "all":
        return fuse.broadcast()
    return fuse.to(name) if kind == "user" else fuse.room(name)


@rpc
async def write(topic: str, writer: str, first: int, count: int) -> list[int]:
    """Emit so many numbers from `first` on. Returns those that were refused."""
    refused = []
    to = audience(topic)
    for number in range(first, first + count):
        try:
            await to.emit(Note(writer=writer, number=number))
        except BrokerError:
            refused.append(number)
    return refused


@rpc
async def join(room: str) -> None:
    await fuse.room(room).join()


@rpc
async def run_once(key: str, seconds: float) -> str:
    """Something that must not happen twice."""
    os.write(_ledger, f"{key}\n".encode())
    await asyncio.sleep(seconds)
    return key


@rpc(resume="1m")
async def story(key: str, to: int) -> AsyncIterator[int]:
    """Something that is told once, however often its listener goes."""
    os.write(_ledger, f"{key}\n".encode())
    for number in range(to):
        yield number
        await asyncio.sleep(0.002)


@rpc
async def count(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number
        if number % 20 == 0:
            await asyncio.sleep(0.005)
