"""A real uvicorn in the test's own event loop, on a free port: what the app did can be looked at directly."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI


class Server(uvicorn.Server):
    """`host` is `127.0.0.1:port`. `stop()` is what a signal does: the server drains, and then ends."""

    host = ""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        # uvicorn's own looks every 100 ms whether it should exit.
        await self.on_tick(0)
        await self._stopping.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Signals are pytest's.
        yield


@asynccontextmanager
async def running(app: FastAPI, **options: Any) -> AsyncIterator[Server]:
    """Serve until the block ends. `options` are `uvicorn.Config`'s."""
    listener = socket.create_server(("127.0.0.1", 0))
    settings: dict[str, Any] = {
        "log_level": "warning",
        "lifespan": "on",
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": 2,
    }
    server = Server(uvicorn.Config(app, **settings | options))
    server.host = f"127.0.0.1:{listener.getsockname()[1]}"
    async with asyncio.TaskGroup() as tasks:
        serve = tasks.create_task(server.serve(sockets=[listener]))
        while not server.started and not serve.done():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.001)  # uvicorn offers no event
        try:
            yield server
        finally:
            server.stop()


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Serve until the block ends; yields `127.0.0.1:port`."""
    async with running(app) as server:
        yield server.host
