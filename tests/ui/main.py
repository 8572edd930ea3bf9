"""What the pages in Svelte and React are tested with, and a server that renders."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, Request, Response
from fusewire import Credentials, Fuse, Router, RpcError, active_user, emit
from pydantic import BaseModel, Field
from starlette.staticfiles import StaticFiles

notes: list[str] = []
"""What the tests want to know of what has happened in here."""


class Team(BaseModel):
    id: int
    name: str
    founded: datetime
    badge: bytes


class Page(BaseModel):
    rows: list[int]
    next: int | None


class Tick(BaseModel):
    n: int


class TeamChanged(BaseModel):
    id: int


class Full(RpcError[Tick], status=409):
    """There is no more room."""


class Seen(BaseModel):
    """What a request looks like from here."""

    user: str | None
    language: str | None
    client: str | None


app = FastAPI()
fuse = Fuse(app)
fuse.rpc.event(Tick)
fuse.rpc.event(TeamChanged)
names = {1: "Red", 2: "Blue"}


@fuse.identity
async def identify(credentials: Credentials) -> str | None:
    return credentials.token or credentials.cookies.get("user")


def team_of(team_id: int) -> Team:
    return Team(
        id=team_id,
        name=names[team_id],
        founded=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
        badge=bytes([0, team_id, 255]),
    )


@fuse.rpc(raises=[Full])
async def team(team_id: int) -> Team:
    if team_id not in names:
        raise Full(Tick(n=team_id), "no such team")
    return team_of(team_id)


teams = Router(prefix="/teams", namespace="teams")


@teams
async def rename(team_id: int, name: str) -> Team:
    names[team_id] = name
    await emit(TeamChanged(id=team_id))
    return team_of(team_id)


@teams.get("/pages")
async def pages(after: int | None = None) -> Page:
    first = (after or 0) + 1
    return Page(rows=[first, first + 1], next=first + 1 if first < 5 else None)


fuse.include_router(teams)


@fuse.rpc
async def ticks(to: int) -> None:
    for n in range(to):
        await emit(Tick(n=n))


@fuse.rpc
async def wait(name: str) -> None:
    notes.append(f"{name} started")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        notes.append(f"{name} cancelled")
        raise


@fuse.rpc(raises=[Full])
async def count(name: str, to: int | None = None) -> AsyncIterator[int]:
    """Up to `to` at once; or three, and then nothing more until somebody stops it. A negative `to` fails behind two."""
    notes.append(f"{name} started")
    try:
        for n in range(3 if to is None else abs(to)):
            yield n
        if to is None:
            await asyncio.Event().wait()
        elif to < 0:
            raise Full(Tick(n=to))
    except (asyncio.CancelledError, GeneratorExit):
        notes.append(f"{name} cancelled")
        raise


@fuse.rpc
async def chat(prompt: str) -> AsyncIterator[str]:
    for word in prompt.split():
        yield f"{word} "


told = asyncio.Event()


@fuse.rpc(resume="1m")
async def story(to: int) -> AsyncIterator[int]:
    """The first half at once, the rest when it is asked for."""
    notes.append("story started")
    for n in range(to):
        if n == to // 2:
            await told.wait()
        yield n


@fuse.rpc
async def tell() -> None:
    told.set()


@fuse.rpc
async def noted(about: str) -> list[str]:
    return [note.removeprefix(f"{about} ") for note in notes if note.startswith(f"{about} ")]


@fuse.rpc.post("/login", transports="http")
async def login(user: Annotated[str, Field(min_length=1)], response: Response) -> str:
    response.set_cookie("user", user, httponly=True, samesite="lax")
    return user


@fuse.rpc.get("/seen", transports="http")
async def seen(request: Request) -> Seen:
    # Slow for one, so that the requests of two people are under way together.
    if active_user() == "slow":
        await asyncio.sleep(0.2)
    return Seen(
        user=active_user(),
        language=request.headers.get("accept-language"),
        client=request.headers.get("x-forwarded-for"),
    )


if "UI_PAGES" in os.environ:
    app.mount("/pages", StaticFiles(directory=os.environ["UI_PAGES"], html=True))
