"""One call at a time: what is added to a round trip."""

from __future__ import annotations

import asyncio
import statistics

from benchmarks.bench import Bench
from benchmarks.dialects import Dialect, Echo, Fusewire
from benchmarks.harness import Figure, alternate
from benchmarks.load import TimedSocket, connect
from benchmarks.peer_dialects import Ephaptic, Trpc
from benchmarks.processes import Server


async def echo_against_echo(bench: Bench) -> Figure:
    return await _added(bench, await bench.python("echo"), Echo("add", 1, 2))


async def add(bench: Bench) -> Figure:
    return await _added(bench, await bench.python("fusewire_app"), Fusewire("add", 1, 2, expected=3))


async def trpc_add(bench: Bench) -> Figure:
    return await _added(bench, await bench.trpc(), Trpc("add", {"a": 1, "b": 2}, expected=3))


async def ephaptic_add(bench: Bench) -> Figure:
    return await _added(bench, await bench.ephaptic(), Ephaptic("add", 1, 2, expected=3))


async def _added(bench: Bench, server: Server, dialect: Dialect) -> Figure:
    """The p50 of a slice less that of the raw echo's slice, in microseconds."""
    ours = await connect(server, TimedSocket(dialect))
    theirs = await connect(await bench.python("echo"), TimedSocket(Echo("add", 1, 2)))
    try:
        pairs = await alternate(
            lambda: _p50(ours, bench.plan.seconds), lambda: _p50(theirs, bench.plan.seconds), bench.plan.pairs
        )
    finally:
        ours.close()
        theirs.close()
    sides = [statistics.median(side) for side in zip(*pairs, strict=True)]
    return Figure.of([a - b for a, b in pairs], f"p50 {sides[0]:.0f} us, beside {sides[1]:.0f} us")


async def _p50(socket: TimedSocket, seconds: float) -> float:
    socket.seconds.clear()
    socket.start()
    await asyncio.sleep(seconds)
    socket.stop()
    await socket.drained()
    return statistics.median(socket.seconds) * 1e6
