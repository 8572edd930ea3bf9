"""Fuse behind this protocol class: what a client sees of a server that stops."""

from __future__ import annotations

import msgpack
from fastapi import FastAPI
from fusewire import Fuse
from starlette.types import Message, Receive, Scope, Send

from server.tests.serving.support import BINARY, CLOSE, connected, frame, serving

HELLO, WELCOME, GOAWAY = 1, 2, 14
SUBPROTOCOL = "Sec-WebSocket-Protocol: fusewire.v1.msgpack\r\n"


async def test_a_client_is_told_to_leave_and_then_closed_with_4000() -> None:
    app = FastAPI()
    Fuse(app, drain_seconds=5.0)
    async with (
        serving(app, lifespan="on", timeout_graceful_shutdown=20) as server,
        connected(server.port, path="/_ws", headers=SUBPROTOCOL) as peer,
    ):
        peer.write(frame(BINARY, msgpack.packb([HELLO])))
        opcode, data = await peer.frame()
        assert (opcode, msgpack.unpackb(data)[0]) == (BINARY, WELCOME)
        server.should_exit = True
        opcode, data = await peer.frame()
        assert (opcode, msgpack.unpackb(data)) == (BINARY, [GOAWAY, 5000])
        assert await peer.close_code() == 4000
        peer.write(frame(CLOSE, (4000).to_bytes(2)))
        await peer.ended()


class Delegate:
    """As instrumentation wraps a function: its attributes are the function's."""

    def __init__(self, wrapped: Send, seen: list[bytes]) -> None:
        self._wrapped = wrapped
        self._seen = seen

    def __getattr__(self, name: str) -> object:
        return getattr(self._wrapped, name)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            self._seen.append(message["bytes"])
        await self._wrapped(message)


async def test_who_wraps_the_app_sees_all_that_is_sent() -> None:
    app = FastAPI()
    Fuse(app)
    seen: list[bytes] = []

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, Delegate(send, seen))

    async with (
        serving(wrapped, lifespan="on") as server,
        connected(server.port, path="/_ws", headers=SUBPROTOCOL) as peer,
    ):
        peer.write(frame(BINARY, msgpack.packb([HELLO])))
        _, data = await peer.frame()
        assert seen == [data]
