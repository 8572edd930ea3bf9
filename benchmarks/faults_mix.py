"""One run of the mix of faults, as `benchmarks faults` has it: worlds one after the other, each broken in its own way."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fusewire.client.backoff import backoff_seconds

from benchmarks.processes import unpinned
from tests.faults import mix
from tests.faults.calls import Calls
from tests.faults.checker import Report
from tests.faults.waiting import within
from tests.faults.world import Load, World, world

# The client's own pauses: what comes back quicker than a real client would be another product.
LOAD = Load(listeners=24, callers=12, rate=60.0, backoff=backoff_seconds)
CROWD = Load(listeners=500, callers=2, rate=2.0, batch=2, backoff=backoff_seconds)
LONGEST_CUTTING_SECONDS = 20.0
WORLD_SECONDS = 240.0
"""For all that is done in one world; a fault takes up to `mix.BACK_SECONDS` of it."""


@dataclass(frozen=True)
class Extent:
    """`rounds` at least, until `deliveries` are owed, or `seconds` are over, which is a failure.

    `cutting`: seconds of it in each round but the first. `losses`: how often Redis loses its data in either way.
    """

    rounds: int
    deliveries: int
    seconds: float
    cutting: float
    losses: int


SHORT = Extent(3, 200_000, 300.0, 4.0, 2)
LONG = Extent(5, 1_000_000, 1_800.0, LONGEST_CUTTING_SECONDS, 10)


@dataclass
class Run:
    """`kept`: while Redis kept what it had; `lost`: with its data lost in between."""

    kept: list[Report] = field(default_factory=list)
    lost: list[Report] = field(default_factory=list)
    calls: list[Calls] = field(default_factory=list)
    deploys: list[Calls] = field(default_factory=list)
    emitted: int = 0
    jumbled: int = 0
    seconds: float = 0.0

    @property
    def reports(self) -> list[Report]:
        return [*self.kept, *self.lost]

    @property
    def owed(self) -> int:
        """Deliveries, while Redis kept what it had."""
        return sum(report.owed for report in self.kept)


async def mixed(extent: Extent) -> Run:
    """Raises `TimeoutError` when something does not come back, or all takes too long."""
    began = time.monotonic()
    run = Run()
    # Of holes that were made on purpose nobody need be told.
    logging.getLogger("fusewire.client").setLevel(logging.ERROR)
    with unpinned():
        number = 0
        while number < extent.rounds or run.owed < extent.deliveries:
            if time.monotonic() - began > extent.seconds:
                raise TimeoutError(
                    f"{run.owed:,} of {extent.deliveries:,} deliveries in {extent.seconds:g} s"
                )
            number += 1
            async with _world(f"round {number}", seed=number) as made:
                await _keep(made, run, extent, first=number == 1)
            say(f"    {run.owed:,} deliveries owed, {sum(report.missing for report in run.kept)} missing")
        async with _world("500 clients at once") as made:
            await _stampede(made, run)
        async with _world("Redis loses its data", durable=False) as made:
            await _lose(made, run, extent.losses)
    run.seconds = time.monotonic() - began
    return run


def say(text: str) -> None:
    """What is being done, as standard output is for figures."""
    print(text, file=sys.stderr, flush=True)


@asynccontextmanager
async def _world(title: str, *, durable: bool = True, seed: int = 1) -> AsyncIterator[World]:
    say(f"  … {title}")
    async with within(WORLD_SECONDS, title), world(durable=durable, seed=seed) as made:
        yield made
        if failures := made.failures():
            raise RuntimeError(f"{len(failures)} exceptions in the workers' log: {failures[0]}")


async def _keep(made: World, run: Run, extent: Extent, *, first: bool) -> None:
    await made.begin(LOAD)
    if first:
        await mix.half_open_redis(made)
    deployed = await mix.one_round(made, seconds=LONGEST_CUTTING_SECONDS if first else extent.cutting)
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
        await mix.restart_redis(made)
        await asyncio.sleep(1)
        await mix.lose_redis_while_away(made)
    await asyncio.sleep(1)
    await made.finish()
    _take(made, run, run.lost)


def _take(made: World, run: Run, reports: list[Report]) -> None:
    reports.append(made.events())
    run.calls.append(made.calls())
    run.emitted += sum(writer.tried for writer in made.writers)
    run.jumbled += made.front.touched
