"""Fuse behind this protocol class: what a client sees of a server that stops."""

from __future__ import annotations

import msgpack
from fastapi import FastAPI
from fusewire import Fuse

from server.tests.serving.support import BINARY, CLOSE, connected, frame, serving

HELLO, WELCOME, GOAWAY = 1, 2, 14


async def test_a_client_is_told_to_leave_and_then_closed_with_4000() -> None:
    app = FastAPI()
    Fuse(app, drain_seconds=5.0)
    subprotocol = "Sec-WebSocket-Protocol: fusewire.v1.msgpack\r\n"
    async with (
        serving(app, lifespan="on", timeout_graceful_shutdown=20) as server,
        connected(server.port, path="/_ws", headers=subprotocol) as peer,
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
