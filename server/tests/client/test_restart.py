"""A server that is replaced by its successor at the same address, as in a deploy."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from fusewire import Fuse
from fusewire.client.typed import App, Call, Caller, open_client

from tests.support.server import Server

WHO: Call[str] = Call(name="who", result=str, http="POST /who")
HOLD: Call[str] = Call(name="hold", result=str, http="POST /hold")


class Release:
    """One version of the app."""

    def __init__(self, name: str) -> None:
        self.fuse = Fuse(FastAPI(), drain_seconds=30)
        self.held = asyncio.Event()
        self.gate = asyncio.Event()

        @self.fuse.rpc
        async def who() -> str:
            return name

        @self.fuse.rpc
        async def hold() -> str:
            self.held.set()
            await self.gate.wait()
            return name


@asynccontextmanager
async def served(release: Release, listener: socket.socket) -> AsyncIterator[Server]:
    """Like `fusewire.serving`'s workers: whoever connects while nobody serves waits in the listener's queue."""
    config = uvicorn.Config(
        release.fuse.app,
        log_level="warning",
        lifespan="on",
        ws="fusewire.serving:WebSocketProtocol",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=20,
    )
    server = Server(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener.dup()]))
        while not server.started and not serving.done():  # noqa: ASYNC110  # uvicorn offers no event
            await asyncio.sleep(0.001)
        try:
            yield server
        finally:
            server.stop()


async def test_no_call_fails_while_the_server_is_replaced() -> None:
    old, new = Release("old"), Release("new")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = App(calls=old.fuse.contract()["calls"], ws="/_ws", api="/api")
        caller: Caller
        left = asyncio.Event()
        async with (
            open_client(
                lambda caller: caller,
                app,
                url,
                backoff=lambda _: 0.01,
                on_status=lambda status: left.set() if status.code == "goaway" else None,
            ) as caller,
            asyncio.TaskGroup() as tasks,
        ):
            async with served(old, listener) as server:
                under_way = tasks.create_task(caller.call(HOLD, {}))
                await old.held.wait()
                server.stop()
                # Nobody serves the address until the old one has drained.
                await left.wait()
                waiting = [tasks.create_task(caller.call(WHO, {})) for _ in range(20)]
                await asyncio.sleep(0)
                old.gate.set()
                assert await under_way == "old"
            async with served(new, listener):
                assert {await call for call in waiting} == {"new"}
                assert caller.core.status.state == "connected"
                await caller.core.close()
