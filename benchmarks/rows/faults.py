"""What the faults of `tests.faults` leave behind: of one run, which the rows share."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.harness import Figure
from benchmarks.processes import Child, running, unpinned
from benchmarks.toolchain import PEERS, build_client, node
from tests.faults import mix
from tests.faults.checker import Report
from tests.faults.world import Calls, Load, World, world

EVENTS, LONG_EVENTS = 200_000, 1_000_000
"""At least so many deliveries are owed, and held against the journal."""
LOAD = Load(listeners=24, callers=6, rate=60.0)
CROWD = Load(listeners=500, callers=2, rate=2.0, batch=2)
CUTTING_SECONDS, LONG_CUTTING_SECONDS = 4.0, 20.0
NODE_CLIENTS = 60
KILLS = 3
RETURN_SECONDS = 60.0


@dataclass
class Run:
    """`kept`: while Redis kept what it had; `lost`: with its data lost in between."""

    kept: list[Report] = field(default_factory=list)
    lost: list[Report] = field(default_factory=list)
    calls: list[Calls] = field(default_factory=list)
    deploys: list[Calls] = field(default_factory=list)
    emitted: int = 0
    seconds: float = 0.0

    @property
    def reports(self) -> list[Report]:
        return [*self.kept, *self.lost]


@dataclass
class Returns:
    """Seconds from SIGKILL to the first answered call, of those whose worker it was."""

    seconds: list[float] = field(default_factory=list)
    calls: int = 0
    unsettled: int = 0


async def lost(bench: Bench) -> Figure:
    run = await _run(bench)
    owed = sum(report.owed for report in run.kept)
    return _count(
        sum(report.missing for report in run.kept),
        f"{run.emitted:,} emitted, {owed:,} deliveries owed, {len(run.kept)} rounds, {run.seconds:.0f} s",
    )


async def duplicated(bench: Bench) -> Figure:
    return _count(sum(len(report.duplicated) for report in (await _run(bench)).reports))


async def reordered(bench: Bench) -> Figure:
    return _count(sum(len(report.reordered) for report in (await _run(bench)).reports))


async def strayed(bench: Bench) -> Figure:
    return _count(sum(len(report.strayed) for report in (await _run(bench)).reports))


async def untold(bench: Bench) -> Figure:
    run = await _run(bench)
    gaps, missing, owed = (
        sum(getattr(report, name) for report in run.lost) for name in ("gaps", "missing", "owed")
    )
    return _count(
        sum(len(report.lost) for report in run.reports),
        f"where Redis lost its data: {gaps:,} gaps told, {missing:,} missing of {owed:,}",
    )


async def failed_by_deploy(bench: Bench) -> Figure:
    run = await _run(bench)
    made = sum(calls.made for calls in run.deploys)
    return _count(
        sum(calls.failed.total() for calls in run.deploys), f"{made:,} calls, {len(run.deploys)} deploys"
    )


async def never_settled(bench: Bench) -> Figure:
    run, returns = await _run(bench), await bench.once(_returned)
    made = sum(calls.made for calls in run.calls)
    unsettled = sum(calls.unsettled for calls in run.calls) + returns.unsettled
    return _count(unsettled, f"{made:,} calls in Python, {returns.calls:,} in TypeScript")


async def executed_twice(bench: Bench) -> Figure:
    run = await _run(bench)
    failed = sum(calls.failed.total() for calls in run.calls)
    wrong = [fault for calls in run.calls for fault in calls.wrong]
    if wrong:
        raise RuntimeError("; ".join(wrong[:3]))
    return _count(sum(calls.twice for calls in run.calls), f"{failed:,} calls failed otherwise")


async def back_p50(bench: Bench) -> Figure:
    return await _back(bench, 0.5)


async def back_p99(bench: Bench) -> Figure:
    return await _back(bench, 0.99)


async def _back(bench: Bench, part: float) -> Figure:
    returns = await bench.once(_returned)
    ordered = sorted(returns.seconds)
    value = ordered[min(len(ordered) - 1, int(part * len(ordered)))]
    return Figure(value, ordered[0], ordered[-1], f"{len(ordered)} returns after {KILLS} kills")


def _count(value: int, notes: str = "") -> Figure:
    return Figure.of([float(value)], notes)


async def _run(bench: Bench) -> Run:
    return await bench.once(_mixed_long if bench.plan.long else _mixed_short)


async def _mixed_short() -> Run:
    return await _mixed(EVENTS, CUTTING_SECONDS, losses=2)


async def _mixed_long() -> Run:
    return await _mixed(LONG_EVENTS, LONG_CUTTING_SECONDS, losses=10)


async def _mixed(events: int, seconds: float, *, losses: int) -> Run:
    began = time.monotonic()
    with unpinned():
        run = Run()
        while sum(report.owed for report in run.kept) < events:
            async with world() as made:
                await _keep(made, run, seconds)
        async with world() as made:
            await _stampede(made, run)
        async with world() as made:
            await _lose(made, run, losses)
    run.seconds = time.monotonic() - began
    return run


async def _keep(made: World, run: Run, seconds: float) -> None:
    await made.begin(LOAD)
    deployed = await mix.one_round(made, seconds=seconds)
    await made.finish()
    _take(made, run, run.kept)
    run.deploys.append(made.calls(*deployed))


async def _stampede(made: World, run: Run) -> None:
    """A crowd comes back at once, and once more when a worker of three has died."""
    await made.begin(CROWD)
    await mix.stampede(made)
    await mix.kill(made)
    await made.finish()
    _take(made, run, run.kept)


async def _lose(made: World, run: Run, times: int) -> None:
    await made.begin(LOAD)
    for _ in range(times):
        await asyncio.sleep(1)
        await mix.lose_redis(made)
        await asyncio.sleep(1)
        await mix.lose_redis_while_away(made)
    await asyncio.sleep(1)
    await made.finish()
    _take(made, run, run.lost)


def _take(made: World, run: Run, reports: list[Report]) -> None:
    reports.append(made.events())
    run.calls.append(made.calls())
    run.emitted += sum(writer.tried for writer in made.writers)


async def _returned() -> Returns:
    """Workers are killed one after the other; the clients are the real ones, in TypeScript."""
    await build_client()
    returns = Returns()
    with unpinned():
        async with world() as made:
            command: list[str | Path] = [
                node(),
                PEERS / "returning.js",
                str(made.front.port),
                str(NODE_CLIENTS),
            ]
            async with running(command, None) as clients:
                await _until(clients, lambda said: said["calls"] > 3 * NODE_CLIENTS and not said["away"])
                for _ in range(KILLS):
                    killed_at = time.time()
                    await made.workers.kill(made.workers.serving[0])
                    came = await _until(clients, lambda said: bool(said["back"]) and not said["away"])
                    returns.seconds += [at / 1000 - killed_at for at in came["back"]]
                    await made.workers.start_one()
                await clients.ask("stop")
                said = await _until(clients, lambda said: not said["unsettled"])
                returns.calls, returns.unsettled = said["calls"], said["unsettled"]
    return returns


async def _until(clients: Child, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What they say when it holds, or when there was time enough; `back` are all since it was asked first."""
    deadline = time.monotonic() + RETURN_SECONDS
    back: list[int] = []
    while True:
        said: dict[str, Any] = json.loads(await clients.ask("?"))
        back += said["back"]
        said["back"] = back
        if holds(said) or time.monotonic() > deadline:
            return said
        await asyncio.sleep(0.05)
