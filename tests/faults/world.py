"""Three workers, one Redis, clients, and something that can break between all of them."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusewire.client.tasks import owned_tasks
from fusewire.errors import RpcError

from tests.faults.calls import Calls, check_calls
from tests.faults.checker import Report, Writer, check
from tests.faults.clients import SETTLE_SECONDS, Backoff, Caller, Client, Listener, quick_backoff
from tests.faults.gateway import Gateway
from tests.faults.waiting import until, within
from tests.faults.workers import Workers
from tests.support.proxy import Proxy
from tests.support.valkey import DURABLE, ValkeyServer

WORKERS = 3
ROOMS = 4
LISTEN_SECONDS = 60.0
"""For everybody to be connected and in their rooms."""
ARRIVAL_SECONDS = 30.0
UNCAUGHT = (
    "was never retrieved",
    "Exception in callback",
    "a connection failed",
    "what runs beside an app failed",
)
"""What event loops and `fusewire` say of an exception that nobody was there to catch."""


@dataclass(frozen=True)
class Load:
    """`rate`: events per second of each writer, in batches of `batch`. Each room, four users and `all` have a writer."""

    listeners: int = 12
    callers: int = 4
    rate: float = 60.0
    batch: int = 20
    backoff: Backoff = quick_backoff
    """Of the listeners and callers."""


class World:
    """`front`: before the workers, for listeners and callers. Writers go past it, so that the journal is whole."""

    def __init__(
        self,
        valkey: ValkeyServer,
        redis: Proxy,
        folder: Path,
        tasks: asyncio.TaskGroup,
        chance: random.Random,
    ) -> None:
        self.valkey = valkey
        self.redis = redis
        self.chance = chance
        self.front = Gateway(chance)
        self.back = Gateway(chance)
        self.ledger = folder / "ledger"
        self.workers = Workers(
            f"redis://127.0.0.1:{redis.port}", self.ledger, folder / "log", (self.front, self.back)
        )
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
        async with within(LISTEN_SECONDS, f"{load.listeners} listeners in their rooms"):
            await self._listen(load)
        topics = [*(f"room:{n}" for n in range(ROOMS)), *(f"user:user-{n}" for n in range(4)), "all"]
        for number, topic in enumerate(topics):
            self.writers.append(Writer(f"writer-{number}", topic))
            self._start(self._write(self.writers[-1], load))
        for number in range(load.callers):
            caller = Caller(self._tasks, lambda: self.front.url, f"caller-{number}", load.backoff)
            self.callers.append(caller)
            self._start(caller.run(self._stopping))

    async def _listen(self, load: Load) -> None:
        """Each in two rooms. Before anything is written, or what was before they came counts as lost."""
        for number in range(load.listeners):
            rooms = [str(number % ROOMS), str((number + 1) % ROOMS)]
            self.listeners.append(
                Listener(self._tasks, lambda: self.front.url, f"user-{number}", load.backoff, rooms)
            )
        await asyncio.gather(*(listener.begin() for listener in self.listeners))

    async def finish(self) -> None:
        """No more is written and called; wait for what is under way, but not for ever: what is missing then is missing."""
        self._stopping.set()
        async with within(2 * SETTLE_SECONDS, "the end of the last calls"):
            await asyncio.gather(*self._busy)
        with suppress(TimeoutError):
            await until(self._arrived, ARRIVAL_SECONDS, lambda: "events")

    async def close(self) -> None:
        """Whatever is still under way ends here."""
        self._stopping.set()
        clients = (*self.listeners, *self.callers, *self._scribes)
        await asyncio.gather(*(client.session.close() for client in clients))

    @property
    def connections(self) -> int:
        """How often a listener was welcomed."""
        return sum(listener.connections for listener in self.listeners)

    @property
    def away(self) -> list[Listener]:
        """Those who are not connected."""
        return [listener for listener in self.listeners if listener.session.status.state != "connected"]

    # What came of it

    def events(self) -> Report:
        return check(self.writers, [listener.history for listener in self.listeners])

    def calls(self, since: float = 0.0, until: float = float("inf")) -> Calls:
        """Of those that were under way in that time, on the loop's clock."""
        ran = Counter(self.ledger.read_text().splitlines()) if self.ledger.exists() else Counter[str]()
        made = [call for caller in self.callers for call in caller.made]
        return check_calls([call for call in made if call.ended >= since and call.began <= until], ran)

    def failures(self) -> list[str]:
        """Lines of the workers' log that tell of an exception outside of a call."""
        lines = self.workers.log.read_text().splitlines()
        return [line for line in lines if any(words in line for words in UNCAUGHT)]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self._busy.append(self._tasks.create_task(work))

    async def _write(self, writer: Writer, load: Load) -> None:
        client = Client(self._tasks, lambda: self.back.url, writer.name, quick_backoff)
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
async def world(workers: int = WORKERS, *, durable: bool = True, seed: int = 1) -> AsyncIterator[World]:
    """`durable`: whether Redis has its data again when it was stopped and started. `seed`: of what breaks, and when."""
    async with AsyncExitStack() as stack:
        valkey = stack.enter_context(ValkeyServer(*(DURABLE if durable else ())))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fusewire-faults-")))
        redis = await stack.enter_async_context(Proxy("127.0.0.1", valkey.port).running())
        tasks = await stack.enter_async_context(owned_tasks())
        made = World(valkey, redis, folder, tasks, random.Random(seed))
        for gateway in (made.front, made.back):
            await stack.enter_async_context(gateway.running())
        await stack.enter_async_context(made.workers.running(workers))
        try:
            yield made
        finally:
            await made.close()
