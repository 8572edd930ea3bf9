"""Streams from the client, and arguments larger than usual."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

from fusewire import Router, RpcError
from pydantic import BaseModel, Field

from tests.interop.features.notes import notes

rpc = Router()
uploads = Router(transports="websocket")
released: dict[str, asyncio.Event] = {}


class Row(BaseModel):
    """What differs by direction: `n` may be left out on its way in."""

    name: str
    n: int = Field(default=1, ge=0)


@uploads
async def total(items: AsyncIterator[int]) -> int:
    """All of them together."""
    return sum([item async for item in items])


@uploads
async def upper(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """Each line, as it comes."""
    async for line in lines:
        yield line.upper()


@uploads
async def rows(prefix: str = "", *, items: AsyncIterator[Row]) -> list[Row]:
    return [Row(name=prefix + row.name, n=row.n) async for row in items]


@uploads
async def digest(chunks: AsyncIterator[bytes]) -> str:
    """Of all the bytes together."""
    found = hashlib.sha256()
    async for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()


@uploads
async def first(items: AsyncIterator[int], count: int) -> list[int]:
    """Settles with the source still running."""
    taken: list[int] = []
    while len(taken) < count:
        taken.append(await anext(items))
    return taken


@uploads
async def lengths(name: str, items: AsyncIterator[str], *, pause_after: int) -> int:
    """Read so many, wait for `release`, then read the rest."""
    released[name] = asyncio.Event()
    found = 0
    async for item in items:
        found += len(item)
        pause_after -= 1
        if pause_after == 0:
            notes.append(f"{name} paused")
            await released[name].wait()
    return found


@uploads
async def watched(name: str, items: AsyncIterator[int]) -> None:
    """Note what reading does."""
    try:
        async for item in items:
            notes.append(f"{name} read {item}")
    except RpcError as error:
        notes.append(f"{name} {error.code}")
        raise
    except asyncio.CancelledError:
        notes.append(f"{name} cancelled")
        raise
    finally:
        notes.append(f"{name} finally")


@rpc
async def release(name: str) -> None:
    released[name].set()


@rpc(max_bytes=2_000_000)
async def save_image(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()


@rpc
async def save_icon(image: bytes) -> int:
    return len(image)
