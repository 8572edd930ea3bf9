"""An app whose every answer the TypeScript client's tests look at."""

import asyncio
import enum
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import FastAPI
from fusewire import Bounds, Credentials, Fuse, Identity, Router, RpcError, active_user, emit
from pydantic import BaseModel, Field

from tests.interop.features import forms, retries, uploads
from tests.interop.features.notes import notes


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float


class Square(BaseModel):
    kind: Literal["square"]
    side: float


Shape = Annotated[Circle | Square, Field(discriminator="kind")]


class Everything(BaseModel):
    """One field of each kind of value."""

    id: UUID
    name: str
    when: datetime
    day: date
    span: timedelta
    price: Decimal
    raw: bytes
    flag: bool
    count: int
    ratio: float
    nothing: None
    colour: Colour
    pair: tuple[int, str]
    tags: set[str]
    scores: dict[str, float]
    shape: Shape
    children: list["Everything"] = Field(default_factory=list)
    class_: Annotated[str, Field(alias="class")] = "x"


class Tick(BaseModel):
    n: int


class Locked(RpcError[Tick], status=423):
    """It is locked."""


app = FastAPI()
fuse = Fuse(app, bounds=Bounds(calls=8))
fuse.rpc.event(Tick)


@fuse.identity
async def identify(credentials: Credentials) -> Identity | str | None:
    """The token is the user; `ann for 3` is ann for three seconds."""
    if credentials.token == "refused":
        raise PermissionError
    user, _, seconds = (credentials.token or "").partition(" for ")
    if seconds:
        return Identity(user, expires_at=datetime.now(UTC) + timedelta(seconds=float(seconds)))
    return credentials.token


@fuse.rpc
async def add(a: int, b: int = 1, *, scale: int = 1) -> int:
    return (a + b) * scale


@fuse.rpc
async def echo(value: Everything) -> Everything:
    return value


@fuse.rpc
async def maybe(value: int | None = 7) -> int | None:
    """Absent is 7, null is None."""
    return value


@fuse.rpc
async def now_is(when: datetime) -> list[datetime]:
    return [when, when.astimezone(UTC) + timedelta(days=1)]


@fuse.rpc
async def me() -> str | None:
    return active_user()


@fuse.rpc(raises=[Locked])
async def lock() -> None:
    raise Locked(Tick(n=3), "it is locked")


@fuse.rpc
async def crash() -> None:
    raise ValueError("a secret")


@fuse.rpc
async def wait(name: str) -> None:
    notes.append(f"{name} started")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        notes.append(f"{name} cancelled")
        raise
    finally:
        notes.append(f"{name} finally")


@fuse.rpc
async def count(name: str, to: int, size: int = 0) -> AsyncIterator[str | int]:
    try:
        for n in range(to):
            notes.append(f"{name} made {n}")
            yield "x" * size if size else n
    except (asyncio.CancelledError, GeneratorExit):
        notes.append(f"{name} cancelled")
        raise


@fuse.rpc
async def breaks(after: int) -> AsyncIterator[int]:
    for n in range(after):
        yield n
    raise Locked(Tick(n=after))


@fuse.rpc(resume="1m")
async def story(length: int) -> AsyncIterator[int]:
    """Goes on, whatever becomes of its reader's connection."""
    for n in range(length):
        yield n
        await asyncio.sleep(0.005)


@fuse.rpc
async def noted(about: str) -> list[str]:
    return [note.removeprefix(about + " ") for note in notes if note.startswith(about + " ")]


@fuse.rpc
async def ticks(to: int) -> None:
    for n in range(to):
        await emit(Tick(n=n))


teams = Router(prefix="/teams", namespace="teams")


@teams.put("/{team_id}")
async def rename(team_id: int, name: str) -> str:
    return f"{team_id} is {name}"


@teams.get("/find")
async def find(tag: Annotated[list[str], Field(max_length=3)], since: date | None = None) -> list[str]:
    return [*tag, str(since)]


fuse.include_router(teams)
fuse.include_router(forms.rpc)
fuse.include_router(retries.rpc)
fuse.include_router(uploads.rpc)
fuse.include_router(uploads.uploads)
