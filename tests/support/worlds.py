"""A served app with small bounds, what its procedures noted, and a gate that they can wait at."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import BackgroundTasks, FastAPI
from fusewire import Bounds, Call, Credentials, Fuse, Identity, active_user
from pydantic import BaseModel

from tests.support.peer import Peer, call, connected
from tests.support.server import Server, running

BOUNDS = Bounds(
    frame_messages=50,
    refreshes=2,
    held_bytes=1024,
    message_bytes=4096,
    frame_bytes=8192,
    depth=8,
    elements=100,
    calls=3,
    streams=2,
    stream_items=4,
    stream_bytes=1000,
    result_bytes=20_000,
    outgoing_bytes=50_000,
    malformed_messages=5,
)
PATIENCE_SECONDS = 5


class Blob(BaseModel):
    data: str


class Notes:
    """What happened, in order, to be waited for."""

    def __init__(self) -> None:
        self.noted: list[str] = []
        self._changed = asyncio.Event()

    def __call__(self, what: str) -> None:
        self.noted.append(what)
        self._changed.set()

    async def until(self, what: str, times: int = 1, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until it was noted so many times. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            while self.noted.count(what) < times:
                self._changed.clear()
                await self._changed.wait()


class World:
    """`bounds` are changes to `BOUNDS`; `options` are those of `running`. Connections of `open` end with the world."""

    def __init__(self, *, options: dict[str, Any] | None = None, drain: float = 30.0, **bounds: Any) -> None:
        self.bounds = replace(BOUNDS, **bounds)
        origins = ["https://friend.example"]
        app = FastAPI(lifespan=self._lifespan)
        self.fuse = Fuse(app, bounds=self.bounds, origins=origins, drain_seconds=drain)
        self.note = Notes()
        self.until = self.note.until
        self.gate = asyncio.Event()
        self.blocked = 0
        self.unblock = threading.Event()
        self.server: Server
        self._options = options or {}
        self._stack = AsyncExitStack()
        self._define_identity()
        self._define_calls()
        self._define_streams()

    async def __aenter__(self) -> World:
        await self._stack.__aenter__()
        self.server = await self._stack.enter_async_context(running(self.fuse.app, **self._options))
        # Before the server ends: what waits here is let go.
        self._stack.callback(self.gate.set)
        self._stack.callback(self.unblock.set)
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._stack.__aexit__(*error)

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        yield
        self.note("lifespan ended")

    @property
    def noted(self) -> list[str]:
        return self.note.noted

    @property
    def host(self) -> str:
        return self.server.host

    async def open(self, **options: Any) -> Peer:
        """A connection; `options` are those of `connected`."""
        return await self._stack.enter_async_context(connected(self.host, **options))

    async def http(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(base_url=f"http://{self.host}/api", timeout=10)
        return await self._stack.enter_async_context(client)

    def _define_identity(self) -> None:
        @self.fuse.identity
        async def identify(credentials: Credentials) -> Identity | str | None:
            match credentials.token:
                case "bad":
                    raise PermissionError("expired")
                case "slow":
                    self.note("identifying")
                    await self.gate.wait()
                case "hangs":
                    await asyncio.Event().wait()
                case "brief":
                    return Identity("brief", expires_at=datetime.now(UTC) + timedelta(seconds=0.1))
            return credentials.token

    def _define_calls(self) -> None:
        fuse = self.fuse
        fuse.rpc.event(Blob)

        @fuse.rpc
        async def add(a: int, b: int = 0) -> int:
            return a + b

        @fuse.rpc
        async def echo(value: Any) -> Any:
            return value

        @fuse.rpc
        async def user() -> str | None:
            return active_user()

        @fuse.rpc
        async def big(size: int) -> bytes:
            return b"x" * size

        @fuse.rpc
        async def wait_here(call: Call) -> float | None:
            """Until the gate opens; the result is what remains of the time."""
            self.note("waiting")
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.note("cancelled")
                raise
            finally:
                self.note("finally")
            return call.remaining_seconds

        @fuse.rpc
        async def cleans_up() -> None:
            """Its clean-up waits until the gate opens."""
            self.note("running")
            try:
                await asyncio.Event().wait()
            finally:
                self.note("cleaning")
                await self.gate.wait()
                self.note("clean")

        @fuse.rpc
        async def later(tasks: BackgroundTasks) -> None:
            tasks.add_task(self.gate.wait)
            tasks.add_task(self.note, "done later")

        @fuse.rpc
        def blocks() -> None:
            self.blocked += 1
            self.fuse.app.state.loop.call_soon_threadsafe(self.note, "blocking")
            assert self.unblock.wait(10)
            self.blocked -= 1

        fuse.app.state.loop = asyncio.get_running_loop()

    def _define_streams(self) -> None:
        fuse = self.fuse

        @fuse.rpc
        async def numbers(n: int, size: int = 1) -> AsyncIterator[bytes]:
            for i in range(n):
                self.note(f"made {i}")
                yield bytes(size)

        @fuse.rpc
        async def tasks_in_a_generator() -> AsyncIterator[int]:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(asyncio.sleep(30))
                for i in range(1000):
                    yield i


async def works(peer: Peer, call_id: int = 4_000_000_000) -> bool:
    """Whether the connection still answers."""
    return bool(await peer.result(call(call_id, "add", 1, 1)) == 2)
