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


class _QuickServer(Server):
    """Ends as uvicorn's own does, without its pauses of 100 ms: hundreds of tests wait for each."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110  # there is no event
                    await asyncio.sleep(0.001)
        except TimeoutError:
            for task in self.server_state.tasks:
                task.cancel()
        await self.lifespan.shutdown()


@asynccontextmanager
async def running(app: FastAPI, *, quick: bool = True, **options: Any) -> AsyncIterator[Server]:
    """Serve until the block ends. `options` are `uvicorn.Config`'s; without `quick` its way of stopping is uvicorn's own."""
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio does that for sockets of its own; without it an answer in two parts waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    settings: dict[str, Any] = {
        "ws": "fusewire.serving:WebSocketProtocol",
        "log_level": "warning",
        "lifespan": "on",
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": 2,
    }
    server = (_QuickServer if quick else Server)(uvicorn.Config(app, **settings | options))
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
