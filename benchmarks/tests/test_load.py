"""The load generator against scripted servers: it counts messages, refuses wrong answers, and leaves nothing in flight."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgpack
import pytest
import websockets

from benchmarks.dialects import Fusewire
from benchmarks.load import Socket, connect

Handler = Callable[[websockets.ServerConnection], Awaitable[None]]


@dataclass
class Scripted:
    port: int


@asynccontextmanager
async def scripted(handler: Handler) -> AsyncIterator[Scripted]:
    protocols = [websockets.Subprotocol("fusewire.v1.msgpack")]
    async with websockets.serve(handler, "127.0.0.1", 0, subprotocols=protocols, compression=None) as server:
        yield Scripted(next(iter(server.sockets)).getsockname()[1])


def read(frame: bytes | str) -> list[list[object]]:
    assert isinstance(frame, bytes)
    unpacker = msgpack.Unpacker()
    unpacker.feed(frame)
    return list(unpacker)


def result(call_id: object, value: object = 3) -> bytes:
    return bytes(msgpack.packb([4, call_id, value]))


WELCOME = bytes(msgpack.packb([2, "session", False, {"stream_items": 64}]))
PING = b"\x91\x0c"


async def test_messages_are_counted_however_they_are_joined() -> None:
    frames: list[list[list[object]]] = []

    async def handler(connection: websockets.ServerConnection) -> None:
        await connection.recv()
        await connection.send(WELCOME)
        async for frame in connection:
            frames.append(read(frame))
            calls = [message for message in frames[-1] if message[0] == 3]
            if calls:
                await connection.send(PING + b"".join(result(call[1]) for call in calls[:3]))
                await connection.send(result(calls[3][1]))

    async with scripted(handler) as server:
        socket = await connect(server, Socket(Fusewire("add", 1, 2, expected=3), 8, 4))
        socket.start()
        await socket.until(lambda: socket.count >= 40)
        socket.stop()
        await socket.drained()
        count = socket.count
        socket.close()
    calls = [[message for message in frame if message[0] == 3] for frame in frames]
    assert {len(frame) for frame in calls} == {0, 4}
    assert count == sum(map(len, calls))
    assert [13] in [message for frame in frames for message in frame]


@pytest.mark.parametrize("answer", [result(1, 4), bytes(msgpack.packb([7, 1, 500, "INTERNAL", "no"]))])
async def test_a_wrong_answer_is_no_result(answer: bytes) -> None:
    async def handler(connection: websockets.ServerConnection) -> None:
        await connection.recv()
        await connection.recv()
        await connection.send(answer)
        await connection.wait_closed()

    async with scripted(handler) as server:
        socket = await connect(server, Socket(Fusewire("add", 1, 2, expected=3), 1, 1))
        socket.start()
        with pytest.raises(ValueError, match="not "):
            await socket.until(lambda: socket.count > 0)
        assert socket.count == 0


async def test_a_server_that_leaves_is_told() -> None:
    async def handler(connection: websockets.ServerConnection) -> None:
        await connection.recv()
        await asyncio.sleep(0)

    async with scripted(handler) as server:
        socket = await connect(server, Socket(Fusewire("add", 1, 2, expected=3), 1, 1))
        socket.start()
        with pytest.raises(ConnectionError):
            await socket.drained()
