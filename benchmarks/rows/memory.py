"""Resident memory of a server, per connection. Each figure comes from processes that nothing was asked of before."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import msgpack

from benchmarks.bench import Bench
from benchmarks.dialects import Echo, Fusewire
from benchmarks.harness import Figure, alternate
from benchmarks.load import Socket, client_frame, connect
from benchmarks.processes import Server
from benchmarks.streams import CREDIT, FusewireStream

KIB, MIB = 1024, 1024 * 1024
IDLE, READERS = 1_000, 50
WARM_UP = 50
SETTLED_SECONDS, MOST_SECONDS = 2.0, 30.0


async def idle_connection(bench: Bench) -> Figure:
    """KiB of an idle connection that has said who it is, over those of an accepted WebSocket of raw uvicorn."""
    ours = Fusewire("add", 1, 2, expected=3, user="somebody")
    pairs = await alternate(
        lambda: _per_idle(bench, "fusewire_app", ours),
        lambda: _per_idle(bench, "echo", Echo("add", 1, 2)),
        max(3, bench.plan.pairs // 4),
        warm_up=0,
    )
    first, second = pairs[0]
    return Figure.of(
        [(a - b) / KIB for a, b in pairs], f"{first / KIB:.1f} KiB, beside {second / KIB:.1f} KiB"
    )


async def _per_idle(bench: Bench, module: str, dialect: Fusewire) -> float:
    async with bench.fresh(module) as server:
        await _connected(server, dialect, WARM_UP)
        before = await server.collected_bytes()
        async with AsyncExitStack() as stack:
            for socket in await _open(server, dialect, IDLE):
                stack.callback(socket.close)
            return (await server.collected_bytes() - before) / IDLE


async def _connected(server: Server, dialect: Fusewire, connections: int) -> None:
    """Connect and leave again: what a server allocates once is not a connection's."""
    for socket in await _open(server, dialect, connections):
        socket.close()


async def _open(server: Server, dialect: Fusewire, connections: int) -> list[Socket]:
    sockets = []
    for _ in range(connections):
        socket = await connect(server, Socket(dialect, 1, 1))
        # At once: a server does not wait long for a hello. One answer each: then the greeting was read and what it makes is there.
        socket.start()
        socket.stop()
        sockets.append(socket)
    for socket in sockets:
        await socket.drained()
    return sockets


async def stopped_reader(bench: Bench) -> Figure:
    """MiB of a connection whose reader grants credit to an endless stream of 1 KiB items, and reads nothing."""
    grown = [await _per_stopped(bench) / MIB for _ in range(max(3, bench.plan.pairs // 6))]
    return Figure.of(grown)


async def _per_stopped(bench: Bench) -> float:
    async with bench.fresh("fusewire_app") as server:
        await _connected(server, Fusewire("add", 1, 2, expected=3), WARM_UP)
        before = await server.collected_bytes()
        readers = [await _stopped(server) for _ in range(READERS)]
        grown = await _settled(server, readers) - before
        for reader in readers:
            reader.close()
        return grown / READERS


async def _stopped(server: Server) -> Socket:
    """A reader that took the first items, so that the stream is known to run, and then no more."""
    dialect = FusewireStream("flood")
    # A small window, so that the server's memory fills rather than the kernel's.
    reader = await connect(server, Socket(dialect, 1, 1), receive_bytes=4 * KIB)
    reader.start()
    await reader.until(lambda: dialect.items > 0)
    reader.stop_reading()
    return reader


async def _settled(server: Server, readers: list[Socket]) -> int:
    """Grant credit that nothing was read for, until the server neither sends nor grows any more."""
    credit = client_frame(msgpack.packb([CREDIT, 1, 64, 256 * KIB]), binary=True)
    most, sent = 0, [0]
    began = since = time.monotonic()
    while (now := time.monotonic()) - since < SETTLED_SECONDS:
        if now - began > MOST_SECONDS:
            raise RuntimeError(f"the server still grows after {MOST_SECONDS:.0f} s: {most / MIB:.0f} MiB")
        for reader in readers:
            reader.write(credit)
        await asyncio.sleep(0.05)
        resident, queued = server.resident_bytes(), server.queued_bytes()
        if resident > most * 1.002 or queued != sent:
            most, sent, since = max(resident, most), queued, now
    if len(sent) < len(readers) or min(sent) == 0:
        raise RuntimeError("not every reader has something waiting for it")
    return most
