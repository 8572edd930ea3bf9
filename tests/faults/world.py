"""Three workers, one Redis, clients, and something that can break between all of them."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusewire.client.tasks import owned_tasks
from fusewire.errors import RpcError

from tests.faults.checker import Report, Writer, check
from tests.faults.clients import Caller, Client, Listener
from tests.faults.gateway import Gateway
from tests.faults.workers import Workers
from tests.support.proxy import Proxy
from tests.support.valkey import ValkeyServer

WORKERS = 3
ROOMS = 4
ARRIVAL_SECONDS = 30.0
LOOK_SECONDS = 0.02
"""How often what has no event is looked at."""


@dataclass(frozen=True)
class Load:
    """`rate`: events per second of each writer, in batches of `batch`. Each room, four users and `all` have a writer."""

    listeners: int = 12
    callers: int = 4
    rate: float = 60.0
    batch: int = 20


@dataclass
class Calls:
    """What became of the calls. `failed`: by their outcome."""

    made: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    unsettled: int = 0
    twice: int = 0
    """Executed more than once, or although the caller was told that it was not started."""
    wrong: list[str] = field(default_factory=list)
    """Answers that no server may give, and results of calls that never ran."""


class World:
    """`front`: before the workers, for listeners and callers. Writers go past it, so that the journal is whole."""

    def __init__(self, valkey: ValkeyServer, redis: Proxy, folder: Path, tasks: asyncio.TaskGroup) -> None:
        self.valkey = valkey
        self.redis = redis
        self.front = Gateway()
        self.back = Gateway()
        self.ledger = folder / "ledger"
        self.workers = Workers(f"redis://127.0.0.1:{redis.port}", self.ledger, (self.front, self.back))
        self.chance = random.Random(1)
        self.listeners: list[Listener] = []
        self.callers: list[Caller] = []
        self.writers: list[Writer] = []
        self._scribes: list[Client] = []
        self._tasks = tasks
        self._stopping = asyncio.Event()
        self._busy: list[asyncio.Task[None]] = []

    # Load

    async def begin(self, load: Load) -> None:
        """Everybody listens; then the writing and calling begins."""
        await self.listen(load.listeners)
        topics = [*(f"room:{n}" for n in range(ROOMS)), *(f"user:user-{n}" for n in range(4)), "all"]
        for number, topic in enumerate(topics):
            self.writers.append(Writer(f"writer-{number}", topic))
            self._start(self._write(self.writers[-1], load))
        for number in range(load.callers):
            caller = Caller(self._tasks, lambda: self.front.url, f"caller-{number}")
            self.callers.append(caller)
            self._start(caller.run(self._stopping))

    async def listen(self, count: int) -> list[Listener]:
        """So many more listeners, each in two rooms. Before anything is written, or what was before they came counts as lost."""
        assert not self.writers, "before anything is written"
        more = []
        for number in range(len(self.listeners), len(self.listeners) + count):
            rooms = [str(number % ROOMS), str((number + 1) % ROOMS)]
            more.append(Listener(self._tasks, lambda: self.front.url, f"user-{number}", rooms))
        self.listeners += more
        await asyncio.gather(*(listener.begin() for listener in more))
        return more

    async def finish(self) -> None:
        """No more is written and called; wait for what is under way, but not for ever: what is missing then is missing."""
        self._stopping.set()
        await asyncio.wait(self._busy)
        await self.until(self._arrived, ARRIVAL_SECONDS)

    async def close(self) -> None:
        """Whatever is still under way ends here."""
        self._stopping.set()
        clients = (*self.listeners, *self.callers, *self._scribes)
        await asyncio.gather(*(client.session.close() for client in clients))

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Whether it holds in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True

    @property
    def seen(self) -> int:
        return sum(len(listener.history.entries) for listener in self.listeners)

    @property
    def connections(self) -> int:
        """How often a listener was welcomed."""
        return sum(listener.connections for listener in self.listeners)

    @property
    def connected(self) -> bool:
        return all(listener.session.status.state == "connected" for listener in self.listeners)

    # What came of it

    def events(self) -> Report:
        return check(self.writers, [listener.history for listener in self.listeners])

    def calls(self, since: float = 0.0, until: float = float("inf")) -> Calls:
        """Of those that were made in that time, on the loop's clock."""
        calls = Calls()
        ran = Counter(self.ledger.read_text().splitlines()) if self.ledger.exists() else Counter[str]()
        for caller in self.callers:
            calls.wrong += caller.faults
            for key, outcome in caller.outcomes.items():
                if not since <= caller.started[key] <= until:
                    continue
                calls.made += 1
                if outcome != "ok":
                    calls.failed[outcome] += 1
                most = 0 if outcome in ("unstarted", "UNAVAILABLE") else 1
                calls.twice += ran[key] > most
                if outcome == "ok" and not key.startswith("stream") and not ran[key]:
                    calls.wrong.append(f"{key} has a result and never ran")
            calls.unsettled += len(caller.unsettled)
        return calls

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._busy.append(self._tasks.create_task(work))

    async def _write(self, writer: Writer, load: Load) -> None:
        client = Client(self._tasks, lambda: self.back.url, writer.name)
        self._scribes.append(client)
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._stopping.is_set():
            first = writer.tried
            writer.tried += load.batch
            try:
                refused = await client.call(
                    "write", topic=writer.topic, writer=writer.name, first=first, count=load.batch
                )
                writer.taken |= set(range(first, writer.tried)) - set(refused)
            except RpcError:
                # Its worker is gone: nobody knows what of it was taken.
                pass
            due = max(due + load.batch / load.rate, loop.time() - 1)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _arrived(self) -> bool:
        return all(self._has_all(listener) for listener in self.listeners)

    def _has_all(self, listener: Listener) -> bool:
        return all(
            listener.newest.get(writer.name, -1) >= max(writer.taken, default=-1)
            for writer in self.writers
            if writer.topic in listener.history.topics
        )


@asynccontextmanager
async def world(workers: int = WORKERS) -> AsyncIterator[World]:
    valkey = ValkeyServer()
    valkey.start()
    try:
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fusewire-faults-")))
            redis = await stack.enter_async_context(Proxy("127.0.0.1", valkey.port).running())
            tasks = await stack.enter_async_context(owned_tasks())
            made = World(valkey, redis, folder, tasks)
            for gateway in (made.front, made.back):
                await stack.enter_async_context(gateway.running())
            await stack.enter_async_context(made.workers.running(workers))
            try:
                yield made
            finally:
                await made.close()
    finally:
        valkey.remove()
