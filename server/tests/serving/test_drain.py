"""A server that stops: an app that listens ends its connections by itself."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fusewire.serving import DRAIN, Drain
from starlette.types import Receive, Scope, Send

from server.tests.serving.support import BINARY, connected, echo, serving

ROOT = Path(__file__).parents[3]


async def test_an_app_that_listens_ends_its_connection_by_itself() -> None:
    told = asyncio.Event()
    calls = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        def stop() -> None:
            nonlocal calls
            calls += 1
            told.set()

        drain = scope["extensions"][DRAIN]
        drain.listen(stop)
        assert not drain.requested
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            if message["bytes"] == b"end":
                assert drain.requested
                await send({"type": "websocket.close", "code": 4000})
            else:
                await send({"type": "websocket.send", "bytes": message["bytes"]})

    async with serving(app) as server, connected(server.port) as peer:
        await peer.echo()
        server.should_exit = True
        await told.wait()
        await peer.echo(b"what is under way may finish")
        assert server.protocols
        peer.write(b"\x82\x83" + bytes(4) + b"end")
        assert await peer.close_code() == 4000
        peer.write(b"\x88\x82" + bytes(4) + (4000).to_bytes(2))
        await peer.ended()
    assert calls == 1


async def test_an_app_that_does_not_listen_is_cut_off() -> None:
    async with serving(echo) as server, connected(server.port) as peer:
        await peer.echo()
        server.should_exit = True
        assert await peer.close_code() == 1012
        await peer.ended()


async def test_a_connection_that_was_not_accepted_yet_is_refused() -> None:
    listening = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][DRAIN].listen(lambda: None)
        listening.set()
        await receive()
        await receive()  # the end of the connection

    async with (
        serving(app, timeout_graceful_shutdown=None) as server,
        connected(server.port, answered=False) as peer,
    ):
        await listening.wait()
        server.should_exit = True
        assert b" 500 " in await peer._reader.readline()
        await peer.ended()


async def test_a_listener_that_fails_does_not_keep_the_others_running() -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        def fail() -> None:
            raise RuntimeError("a bug of the app's")

        if scope["path"] == "/fails":
            scope["extensions"][DRAIN].listen(fail)
        await echo(scope, receive, send)

    async with (
        serving(failing, timeout_graceful_shutdown=1) as server,
        connected(server.port, path="/fails") as peer,
        connected(server.port) as other,
    ):
        server.should_exit = True
        assert await other.close_code() == 1012
        await peer.ended()
    assert [str(failure["exception"]) for failure in failures] == ["a bug of the app's"]


async def test_who_listens_late_is_called_at_once() -> None:
    drain = Drain()
    assert not drain.request(asyncio.get_running_loop())
    calls: list[str] = []
    drain.listen(lambda: calls.append("called"))
    assert calls == ["called"]


@asynccontextmanager
async def process(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """A uvicorn of its own with an app that never ends; what it runs on is uvicorn's own choice (uvloop, where there is one)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = ("-m", "uvicorn", "server.tests.serving.apps:stubborn", "--fd", str(listener.fileno()))
        running = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            *("--ws", "fusewire.serving:WebSocketProtocol", "--lifespan", "off", "--log-level", "critical"),
            *options,
            cwd=ROOT,
            pass_fds=[listener.fileno()],
        )
    try:
        yield running, port
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def test_a_second_interrupt_ends_a_server_whose_app_does_not() -> None:
    async with process() as (running, port), connected(port) as peer:
        running.send_signal(signal.SIGTERM)
        assert await peer.frame() == (BINARY, b"draining")
        assert running.returncode is None
        running.send_signal(signal.SIGINT)
        await running.wait()
        await peer.ended()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_the_graceful_timeout_ends_a_server_whose_app_does_not(stop: signal.Signals) -> None:
    async with process("--timeout-graceful-shutdown", "1") as (running, port), connected(port) as peer:
        running.send_signal(stop)
        assert await peer.frame() == (BINARY, b"draining")
        await running.wait()
        await peer.ended()
