"""What is written without uvicorn's own `send`."""

from __future__ import annotations

import asyncio

import pytest
from fusewire.serving import WebSocketProtocol
from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGISendEvent

from server.tests.serving.support import BINARY, CLOSE, connected, frame, serving


def protocol_of(send: Send) -> WebSocketProtocol:
    protocol = getattr(send, "__self__", None)
    assert isinstance(protocol, WebSocketProtocol)
    return protocol


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 300_000])
async def test_a_frame_says_how_long_it_is(size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        assert protocol_of(send).write_now(data)
        await receive()

    async with serving(app) as server, connected(server.port) as peer:
        assert await peer.frame() == (BINARY, data)


async def test_who_never_reads_is_not_kept_when_the_app_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fusewire.serving.LEAVING_SECONDS", 0.1)
    done = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while protocol_of(send).write_now(bytes(1 << 20)):
            pass
        done.set()

    async with asyncio.timeout(20), serving(app) as server, connected(server.port):
        await done.wait()
        while server.protocols:  # noqa: ASYNC110  # uvicorn offers no event
            await asyncio.sleep(0.01)


async def test_an_heir_with_a_send_of_its_own_sees_everything() -> None:
    seen: list[bytes] = []

    class Heir(WebSocketProtocol):
        async def send(self, message: ASGISendEvent) -> None:
            if message["type"] == "websocket.send" and (data := message.get("bytes")) is not None:
                seen.append(data)
            await super().send(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        assert not protocol_of(send).write_now(b"quick")
        await send({"type": "websocket.send", "bytes": b"usual"})
        await receive()

    async with serving(app, ws=Heir) as server, connected(server.port) as peer:
        assert await peer.frame() == (BINARY, b"usual")
    assert seen == [b"usual"]


async def test_nothing_is_written_before_accept_after_close_and_while_the_peer_reads_nothing() -> None:
    wrote: list[bool] = []
    full, done = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        write_now = protocol_of(send).write_now
        await receive()
        wrote.append(write_now(b"too early"))
        await send({"type": "websocket.accept"})
        while write_now(bytes(1 << 20)):
            pass
        full.set()
        await send({"type": "websocket.send", "bytes": b"last"})
        await send({"type": "websocket.close", "code": 1000})
        wrote.append(write_now(b"too late"))
        done.set()

    async with asyncio.timeout(20), serving(app) as server, connected(server.port) as peer:
        await full.wait()
        while (received := await peer.frame()) != (BINARY, b"last"):
            assert received == (BINARY, bytes(1 << 20))
        opcode, data = await peer.frame()
        assert (opcode, int.from_bytes(data[:2])) == (CLOSE, 1000)
        await done.wait()
        peer.write(frame(CLOSE, (1000).to_bytes(2)))
    assert wrote == [False, False]
