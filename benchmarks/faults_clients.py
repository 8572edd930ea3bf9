"""The real client, in TypeScript under Node, while workers die and links are cut."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.faults_mix import say
from benchmarks.processes import Child, running, unpinned
from benchmarks.toolchain import PEERS, build_client, node
from tests.faults import mix
from tests.faults.world import World, world

CLIENTS = 60
KILLS = 3
WAIT_SECONDS = 60.0
"""For whatever is waited for; it has happened long before."""

READERS = 20
ITEMS = 400
CUTS = 200
LINK_BYTES = 300, 8_000
"""A link to a reader is cut after so many bytes. The first are the handshake, and a stream is about 12,000."""

Said = dict[str, Any]


@dataclass
class Returns:
    """Seconds from SIGKILL to the first answered call, of those whose worker it was."""

    seconds: list[float] = field(default_factory=list)
    calls: int = 0
    unsettled: int = 0


@dataclass
class Streams:
    """`whole`: each item came once, in order, then the end, and the generator ran once. `unnamed`: calls that were lost before they were
    answered, so that there was nothing to resume.
    """

    streams: int = 0
    whole: int = 0
    unnamed: int = 0
    cuts: int = 0
    unsettled: int = 0
    wrong: list[str] = field(default_factory=list)


async def returned() -> Returns:
    """Workers are killed one after the other."""
    say("  … workers are killed under clients in TypeScript")
    returns = Returns()
    async with _clients("returning.js", CLIENTS) as (made, clients):
        await _until(clients, "calls of all", lambda said: said["calls"] > 3 * CLIENTS and not said["away"])
        for _ in range(KILLS):
            killed_at = time.time()
            await made.workers.kill(made.workers.serving[0])
            came = await _until(
                clients, "clients that are back", lambda said: bool(said["back"]) and not said["away"]
            )
            returns.seconds += [at / 1000 - killed_at for at in came["back"]]
            await made.workers.start_one()
        await clients.ask("stop")
        said = await _settled(clients, "unsettled")
        returns.calls, returns.unsettled = said["calls"], said["unsettled"]
    return returns


async def resumed() -> Streams:
    """Links are cut at random points of streams; meanwhile all workers are replaced, links to Redis are cut, and it is restarted."""
    say("  … streams are cut under clients in TypeScript")
    streams = Streams()
    async with _clients("resuming.js", READERS, ITEMS) as (made, clients):
        made.front.carries = lambda: made.chance.randint(*LINK_BYTES)
        made.front.cut()
        first = await _until(clients, "half of the cuts", lambda said: said["cuts"] >= CUTS / 2)
        await mix.deploy(made)
        await mix.cut_redis(made, 3)
        await mix.restart_redis(made)
        second = await _until(clients, "all cuts", lambda said: said["cuts"] >= CUTS)
        await clients.ask("stop")
        made.front.carries = None
        third = await _settled(clients, "reading")
        streams.cuts, streams.unsettled, streams.unnamed = third["cuts"], third["reading"], third["unnamed"]
        ran = Counter(made.ledger.read_text().splitlines())
        for stream in [*first["streams"], *second["streams"], *third["streams"]]:
            streams.streams += 1
            runs = ran[stream["key"]]
            if stream["wrong"] or runs != 1:
                streams.wrong.append(f"{stream['key']}: {stream['wrong']}, ran {runs} times")
            else:
                streams.whole += 1
    return streams


@asynccontextmanager
async def _clients(script: str, *arguments: int) -> AsyncIterator[tuple[World, Child]]:
    await build_client()
    with unpinned():
        async with world() as made:
            command: list[str | Path] = [node(), PEERS / script, str(made.front.port), *map(str, arguments)]
            async with running(command, None) as clients:
                yield made, clients


async def _until(clients: Child, what: str, holds: Callable[[Said], bool]) -> Said:
    """What they say when it holds; of lists, all since it was asked first. Raises `TimeoutError`."""
    said, over = await _asked(clients, holds)
    if over:
        raise TimeoutError(f"not within {WAIT_SECONDS:g} s: {what}; they said {str(said)[:300]}")
    return said


async def _settled(clients: Child, what: str) -> Said:
    """What they say when nothing of it is left, or when there was time enough."""
    said, _ = await _asked(clients, lambda said: not said[what])
    return said


async def _asked(clients: Child, holds: Callable[[Said], bool]) -> tuple[Said, bool]:
    deadline = time.monotonic() + WAIT_SECONDS
    lists: dict[str, list[Any]] = {}
    while True:
        said: Said = json.loads(await clients.ask("?"))
        for name, value in said.items():
            if isinstance(value, list):
                said[name] = lists[name] = lists.get(name, []) + value
        if holds(said):
            return said, False
        if time.monotonic() > deadline:
            return said, True
        await asyncio.sleep(0.05)
