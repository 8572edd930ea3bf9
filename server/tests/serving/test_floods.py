"""What one peer sends must not stop the others: fragments, control frames, small messages, and more than the app reads."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fusewire.serving import FRAGMENT_BYTES, MESSAGE_FRAGMENTS, STEP_BYTES, STEP_CONTROLS
from starlette.types import Receive, Scope, Send

from server.tests.serving.support import (
    BINARY,
    PING,
    PONG,
    Peer,
    connected,
    echo,
    frame,
    message_of,
    serving,
)

FLOOD = 4503
TWO_READS = 2 * 256 * 1024
"""asyncio reads at most 256 KiB at once."""


async def test_an_ordinary_fragmented_message_passes() -> None:
    async with serving(echo) as server, connected(server.port) as peer:
        for _ in range(2):
            peer.write(message_of([b"x"] * MESSAGE_FRAGMENTS))
            assert await peer.frame() == (BINARY, b"x" * MESSAGE_FRAGMENTS)


async def test_a_large_message_may_have_more_fragments() -> None:
    count = 3 * MESSAGE_FRAGMENTS
    async with serving(echo) as server, connected(server.port) as peer:
        peer.write(message_of([bytes(FRAGMENT_BYTES)] * count))
        assert await peer.frame() == (BINARY, bytes(FRAGMENT_BYTES * count))


@pytest.mark.parametrize("size", [0, 1])
async def test_too_many_fragments_close_the_connection(size: int) -> None:
    async with serving(echo) as server, connected(server.port) as peer, connected(server.port) as other:
        peer.write(message_of([bytes(size)] * (MESSAGE_FRAGMENTS + 1)))
        assert await peer.close_code() == FLOOD
        await peer.ended()
        await other.echo()


async def test_control_frames_in_moderation_are_answered() -> None:
    async with serving(echo) as server, connected(server.port) as peer:
        for _ in range(3):
            peer.write(frame(PING, b"?") * STEP_CONTROLS)
            for _ in range(STEP_CONTROLS):
                assert await peer.frame() == (PONG, b"?")


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_too_many_control_frames_at_once_close_the_connection(opcode: int) -> None:
    async with serving(echo) as server, connected(server.port) as peer, connected(server.port) as other:
        peer.write(frame(opcode) * (STEP_CONTROLS + 1))
        while (got := await peer.frame())[0] == PONG:
            pass
        assert int.from_bytes(got[1][:2]) == FLOOD
        await peer.ended()
        await other.echo()


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(frame(BINARY, b"x", fin=False) + frame(0, fin=False) * 1_000_000, id="continuations"),
        pytest.param(frame(PING) * 1_000_000, id="pings"),
    ],
)
async def test_six_megabytes_of_them_are_not_read_to_their_end(flood: bytes) -> None:
    async with serving(echo) as server, connected(server.port) as peer:
        parser = server.protocols[0].conn
        async with connected(server.port) as other:
            peer.write(flood)
            await other.echo()
            await peer.ended()
            await other.echo()
        assert parser.frames <= MESSAGE_FRAGMENTS + 1


class Turns:
    """Counts what happens within one turn of the event loop."""

    def __init__(self) -> None:
        self.most = self.all = self._this = 0
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(self._next)

    def count(self) -> None:
        self.all += 1
        self._this += 1
        self.most = max(self.most, self._this)

    def _next(self) -> None:
        self._this = 0
        self._handle = self._loop.call_soon(self._next)

    def stop(self) -> None:
        self._handle.cancel()


async def test_small_messages_leave_turns_to_the_others() -> None:
    counted: list[Turns] = []
    sent = 30_000

    async def count(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        turns = Turns()
        counted.append(turns)
        try:
            for expected in range(sent):
                assert (await receive())["bytes"] == expected.to_bytes(4)
                turns.count()
        finally:
            turns.stop()
        await send({"type": "websocket.close", "code": 4000})

    small = [frame(BINARY, index.to_bytes(4)) for index in range(sent)]
    async with serving(count) as server, connected(server.port) as peer:
        peer.write(b"".join(small))
        assert await peer.close_code() == 4000
    # What was parsed in a turn may be read in the next, beside one more step's.
    assert counted[0].all == sent
    assert counted[0].most <= 2 * STEP_BYTES // len(small[0])


async def _send_until_it_stops(peer: Peer, data: bytes, most: int) -> int:
    """How often `data` was written until the kernel took no more for many turns of the loop, in which the server had its own."""
    transport: Any = peer._writer.transport
    transport.set_write_buffer_limits(0)
    written = idle = 0
    while idle < 200 and written < most:
        if transport.get_write_buffer_size():
            idle += 1
        else:
            idle = 0
            peer.write(data)
            written += 1
        await asyncio.sleep(0)
    return written


async def test_a_peer_that_floods_while_the_app_is_busy_is_stopped_by_tcp() -> None:
    free = asyncio.Event()
    read = peak = 0

    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal read, peak
        await receive()
        await send({"type": "websocket.accept"})
        await free.wait()
        while (message := await receive())["type"] == "websocket.receive":
            peak = max(peak, held())
            read += len(message["bytes"])
            if message["bytes"] == b"last":
                await send({"type": "websocket.close", "code": 4000})

    def held() -> int:
        return len(protocol._backlog) + protocol.queue.qsize() * 1000

    chunk = frame(BINARY, bytes(1000)) * 64
    async with serving(busy) as server, connected(server.port) as peer:
        protocol = server.protocols[0]
        written = await _send_until_it_stops(peer, chunk, most=1_000)
        assert written < 1_000
        assert held() <= TWO_READS
        free.set()
        peer.write(chunk * 200 + frame(BINARY, b"last"))
        assert await peer.close_code() == 4000
    assert read == (written + 200) * 64 * 1000 + 4
    assert peak <= TWO_READS


async def test_the_end_of_a_connection_is_seen_behind_what_the_app_never_read() -> None:
    """The app closes without reading; the peer's answer lies behind a backlog."""
    go = asyncio.Event()

    async def close(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await go.wait()
        await send({"type": "websocket.close", "code": 4000})

    async with serving(close) as server, connected(server.port) as peer:
        protocol = server.protocols[0]
        protocol.close_timeout = 3600.0
        peer.write(frame(BINARY, bytes(100)) * 2_000)
        while not protocol.read_paused:  # noqa: ASYNC110  # a state of uvicorn's, without an event
            await asyncio.sleep(0)
        go.set()
        assert await peer.close_code() == 4000
        peer.write(frame(8, (4000).to_bytes(2)))
        await peer.ended()


async def test_frames_before_the_handshakes_answer_end_quietly() -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    ended = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        assert (await receive())["type"] == "websocket.disconnect"
        ended.set()
        await send({"type": "websocket.accept"})

    async with serving(slow) as server, connected(server.port, answered=False) as peer:
        while not server.protocols:  # noqa: ASYNC110  # a state of uvicorn's, without an event
            await asyncio.sleep(0)
        peer.write(frame(PING) * (STEP_CONTROLS + 1))
        await ended.wait()
        await peer.ended()
    assert failures == []
