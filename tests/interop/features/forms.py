"""What goes over HTTP alone: forms, and a deadline there."""

import asyncio
from typing import Annotated

from fastapi import File, Form, UploadFile
from fusewire import Call, Router
from pydantic import BaseModel, Field

from tests.interop.features.notes import notes

rpc = Router(transports="http")


class Stored(BaseModel):
    name: str | None
    kind: str | None
    size: int
    note: str


class Profile(BaseModel):
    name: str
    age: int | None = Field(default=None, ge=0)
    tags: list[str] = []
    picture: UploadFile | None = None


@rpc(max_bytes=3_000_000)
async def avatar(file: UploadFile, *, note: str = "none") -> Stored:
    """A picture."""
    return Stored(name=file.filename, kind=file.content_type, size=len(await file.read()), note=note)


@rpc.put("/albums/{album}")
async def album(
    album: str,
    pictures: list[UploadFile],
    cover: Annotated[bytes, File(max_length=10)] = b"",
    extra: UploadFile | None = None,
) -> str:
    sizes = [picture.size for picture in pictures]
    return f"{album} {sizes} {cover.decode()} {extra and extra.filename}"


@rpc
async def subscribe(email: Annotated[str, Form(min_length=3)], often: Annotated[bool, Form()] = False) -> str:
    return f"{email} {often}"


@rpc
async def save_profile(profile: Annotated[Profile, Form()]) -> str:
    picture = profile.picture and (await profile.picture.read()).decode()
    return f"{profile.name} {profile.age} {profile.tags} {picture}"


@rpc
async def wait_over_http(name: str, call: Call) -> None:
    notes.append(f"{name} has {call.remaining_seconds:.1f}")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        notes.append(f"{name} cancelled")
        raise
