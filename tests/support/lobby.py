"""A worker with rooms and presence. As a program it is a process of its own, which a test may kill: `url name`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fusewire import Fuse, Joined, Left, Present

from tests.support.apps import fuse_of_users
from tests.support.server import serving

START_SECONDS = 30.0


def add_lobby(fuse: Fuse) -> None:
    """The procedures `enter(room)`, `leave(room)` and `who(room)`, and the events of presence."""
    fuse.rpc.event(Joined)
    fuse.rpc.event(Left)

    @fuse.rpc
    async def enter(room: str) -> list[Present]:
        await fuse.room(room).join()
        return await fuse.room(room).presence()

    @fuse.rpc
    async def leave(room: str) -> None:
        await fuse.room(room).leave()

    @fuse.rpc
    async def who(room: str) -> list[str | None]:
        return [present.user for present in await fuse.room(room).presence()]


@asynccontextmanager
async def worker_process(url: str, name: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Yields the process, and its host. It is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.lobby", url, name, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            host = await process.stdout.readline()
        yield process, host.decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _serve(url: str, name: str) -> None:
    fuse = fuse_of_users(broker=url, name=name)
    add_lobby(fuse)
    async with serving(fuse.app) as host:
        sys.stdout.write(f"{host}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
