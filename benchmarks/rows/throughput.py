"""Rows that keep a server busy: operations per second beside those of another server, in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.bench import Bench
from benchmarks.dialects import Dialect, Echo, Fusewire
from benchmarks.harness import Figure, Slice, alternate
from benchmarks.http_load import http_load, post
from benchmarks.load import Load, load
from benchmarks.peer_dialects import Ephaptic, Trpc
from benchmarks.processes import Server
from benchmarks.servers.models import PUBLIC, TEAM_ID

TEAM = PUBLIC[TEAM_ID].model_dump()
"""What every server must answer: without the field that the declared type does not have."""

Busy = tuple[Server, Dialect]


async def echo_against_echo(bench: Bench) -> Figure:
    """The noise of this machine: what is not outside these quartiles says nothing."""
    return await compare(bench, await _echo(bench), await _echo(bench))


async def add(bench: Bench) -> Figure:
    return await compare(bench, await _add(bench), await _echo(bench))


async def add_in_eights(bench: Bench) -> Figure:
    """Eight calls a frame, beside an echo of one call a frame: what batching is worth."""
    return await compare(bench, await _add(bench), await _echo(bench), per_frame=8)


async def trpc_add(bench: Bench) -> Figure:
    dialect = Trpc("add", {"a": 1, "b": 2}, expected=3)
    return await compare(bench, (await bench.trpc(), dialect), await _echo(bench))


async def ephaptic_add(bench: Bench) -> Figure:
    return await compare(
        bench, (await bench.ephaptic(), Ephaptic("add", 1, 2, expected=3)), await _echo(bench)
    )


async def team_by_trpc(bench: Bench) -> Figure:
    theirs = Trpc("team", {"n": TEAM_ID}, expected=TEAM)
    return await compare(bench, await _team(bench), (await bench.trpc(), theirs))


async def team_rows_by_trpc(bench: Bench) -> Figure:
    """The same from plain rows that are made for each call: they are validated before they are filtered."""
    ours = await bench.python("fusewire_app"), Fusewire("team_rows", TEAM_ID, expected=TEAM)
    return await compare(bench, ours, (await bench.trpc(), Trpc("teamRows", {"n": TEAM_ID}, expected=TEAM)))


async def ephaptic_team_by_trpc(bench: Bench) -> Figure:
    ours = Ephaptic("team", TEAM_ID, expected=TEAM)
    theirs = Trpc("team", {"n": TEAM_ID}, expected=TEAM)
    return await compare(bench, (await bench.ephaptic(), ours), (await bench.trpc(), theirs))


async def dependency_by_http(bench: Bench) -> Figure:
    """A call with one `yield` dependency, beside the same function as a FastAPI route with 64 connections."""
    dialect = Fusewire("with_dependency", 1, 2, expected=3)
    request = post("/api/with_dependency", {"a": 1, "b": 2})
    async with (
        load(await bench.python("fusewire_app"), dialect) as ours,
        http_load(await bench.python("fastapi_app"), request, b"3") as theirs,
    ):
        pairs = await _alternate(bench, ours, theirs)
    return _rates(pairs)


async def mirror_cost(bench: Bench) -> Figure:
    """CPU of a request to the REST mirror, by that of the same function as a plain route. 64 connections."""
    request = post("/api/add", {"a": 1, "b": 2})
    async with (
        http_load(await bench.python("fusewire_app"), request, b"3") as ours,
        http_load(await bench.python("fastapi_app"), request, b"3") as theirs,
    ):
        return _costs(await _alternate(bench, ours, theirs))


async def many_procedures_cost(bench: Bench) -> Figure:
    """CPU of `add` among 2,000 procedures, by that of `add` alone."""
    dialect = Fusewire("add", 1, 2, expected=3)
    async with (
        bench.fresh("many_procedures") as many,
        bench.fresh("one_procedure") as one,
        load(many, dialect) as ours,
        load(one, dialect) as theirs,
    ):
        # The target is 2 %: that needs more pairs than the others.
        return _costs_in_all(await _alternate(bench, ours, theirs, times=5))


async def compare(bench: Bench, ours: Busy, theirs: Busy, *, per_frame: int = 1) -> Figure:
    """Messages per second, ours by theirs, 8 connections with 64 calls in flight on each."""
    async with load(*ours, per_frame=per_frame) as a, load(*theirs) as b:
        return _rates(await _alternate(bench, a, b))


async def _add(bench: Bench) -> Busy:
    return await bench.python("fusewire_app"), Fusewire("add", 1, 2, expected=3)


async def _team(bench: Bench) -> Busy:
    return await bench.python("fusewire_app"), Fusewire("team", TEAM_ID, expected=TEAM)


async def _echo(bench: Bench) -> Busy:
    return await bench.python("echo"), Echo("add", 1, 2)


async def _alternate(bench: Bench, ours: Load, theirs: Load, *, times: int = 1) -> list[tuple[Slice, Slice]]:
    seconds = bench.plan.seconds
    return await alternate(lambda: ours.run(seconds), lambda: theirs.run(seconds), bench.plan.pairs * times)


def _rates(pairs: Sequence[tuple[Slice, Slice]]) -> Figure:
    return Figure.of([ours.rate / theirs.rate for ours, theirs in pairs], describe(pairs))


def _costs(pairs: Sequence[tuple[Slice, Slice]]) -> Figure:
    return Figure.of([ours.cost / theirs.cost for ours, theirs in pairs], describe(pairs))


def _costs_in_all(pairs: Sequence[tuple[Slice, Slice]]) -> Figure:
    """All CPU by all calls. A large app is collected rarely, and then for longer than a slice: no median would see it."""
    ours, theirs = (
        sum(side.cpu for side in sides) / sum(side.count for side in sides)
        for sides in zip(*pairs, strict=True)
    )
    return replace(_costs(pairs), value=ours / theirs)


def describe(pairs: Sequence[tuple[Slice, Slice]]) -> str:
    """The rates behind a ratio, and who was busy: with the load generator at 1.00 it was the limit, not the server."""
    sides = [_side(both) for both in zip(*pairs, strict=True)]
    by_cpu = Figure.of([theirs.cost / ours.cost for ours, theirs in pairs]).value
    return f"{'; '.join(sides)}; per second of CPU {by_cpu:.2f} x"


def _side(slices: Sequence[Slice]) -> str:
    rate, cost, busy, load_busy = (
        Figure.of([getattr(side, name) for side in slices]).value
        for name in ("rate", "cost", "busy", "load_busy")
    )
    return f"{rate:,.0f}/s, {cost * 1e6:.1f} us of CPU each, server {busy:.2f} and load {load_busy:.2f} of a core"
