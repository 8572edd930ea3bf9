"""Rows that keep a server busy: calls per second beside those of another server, in pairs."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.dialects import Dialect, Echo, Fusewire
from benchmarks.harness import Figure, Slice, alternate
from benchmarks.load import load
from benchmarks.processes import Server


async def echo_against_echo(bench: Bench) -> Figure:
    """The noise of this machine: what is not outside these quartiles says nothing."""
    dialect = Echo("add", 1, 2)
    server = await bench.python("echo")
    return await compare(bench, (server, dialect), (server, dialect))


async def add(bench: Bench) -> Figure:
    return await compare(
        bench,
        (await bench.python("fusewire"), Fusewire("add", 1, 2, expected=3)),
        (await bench.python("echo"), Echo("add", 1, 2)),
    )


async def add_in_eights(bench: Bench) -> Figure:
    """Eight calls a frame, beside an echo of one call a frame: what batching is worth."""
    return await compare(
        bench,
        (await bench.python("fusewire"), Fusewire("add", 1, 2, expected=3)),
        (await bench.python("echo"), Echo("add", 1, 2)),
        per_frame=8,
    )


async def compare(
    bench: Bench, ours: tuple[Server, Dialect], theirs: tuple[Server, Dialect], *, per_frame: int = 1
) -> Figure:
    """Messages per second, ours by theirs, 8 connections with 64 calls in flight on each."""
    seconds = bench.plan.seconds
    async with load(*ours, per_frame=per_frame) as a, load(*theirs) as b:
        pairs = await alternate(lambda: a.run(seconds), lambda: b.run(seconds), bench.plan.pairs)
    return Figure.of([x.rate / y.rate for x, y in pairs], describe(pairs))


def describe(pairs: Sequence[tuple[Slice, Slice]]) -> str:
    """Rates, how busy each server was (well below 1.00: the load generator was the limit), and the ratio by CPU alone."""
    sides = (Figure.of([side.rate for side in both]).value for both in zip(*pairs, strict=True))
    busy = (Figure.of([side.busy for side in both]).value for both in zip(*pairs, strict=True))
    cost = Figure.of([y.cost / x.cost for x, y in pairs]).value
    ours, theirs = sides
    ours_busy, theirs_busy = busy
    return f"{ours:,.0f}/s at {ours_busy:.2f} of a core, beside {theirs:,.0f}/s at {theirs_busy:.2f}; by CPU {cost:.2f}"
