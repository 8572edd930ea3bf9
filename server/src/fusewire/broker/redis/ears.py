"""All that this worker listens to: one link to every node that holds a channel of it."""

from __future__ import annotations

import asyncio
import logging

from redis.exceptions import RedisError

from fusewire.broker.outage import Outage
from fusewire.broker.redis.keeper import Keeper, Listens
from fusewire.broker.redis.nodes import Address, Nodes
from fusewire.broker.redis.timing import Timing

log = logging.getLogger("fusewire.broker")


class Ears:
    """A channel is asked for once. Links come and go and slots move; `Listens` is told each time it is lost, and confirmed again."""

    def __init__(self, nodes: Nodes, listens: Listens, timing: Timing) -> None:
        self._nodes = nodes
        self._listens = listens
        self._timing = timing
        self._wanted: dict[str, int] = {}
        self._at: dict[str, Keeper] = {}
        self._keepers: dict[Address, Keeper] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def __repr__(self) -> str:
        return f"<Ears {list(self._keepers.values())}>"

    @property
    def healthy(self) -> bool:
        return self._tasks is not None and all(keeper.link is not None for keeper in self._keepers.values())

    def failing(self, channel: str) -> bool:
        """Whether its node has been tried in vain: a confirmation may take long."""
        keeper = self._at.get(channel)
        return keeper is None or (keeper.link is None and keeper.failures > 1)

    def subscribe(self, channel: str) -> None:
        slot = self._nodes.slot(channel)
        self._wanted[channel] = slot
        if self._tasks is not None:
            self.attach(channel, slot)

    def unsubscribe(self, channel: str) -> None:
        del self._wanted[channel]
        if keeper := self._at.pop(channel, None):
            keeper.remove(channel)

    async def run(self, linked: asyncio.Event) -> None:
        """Until it is cancelled. `linked` is set when the first link stands."""
        await self._find_nodes()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                first = None if self._nodes.is_cluster else self._keeper(self._nodes.address(0))
                for channel, slot in self._wanted.items():
                    self.attach(channel, slot)
                if first is not None:
                    await first.opened.wait()
                linked.set()
                # Links are added to the group as they are needed.
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    def attach(self, channel: str, slot: int) -> None:
        keeper = self._keeper(self._nodes.address(slot))
        self._at[channel] = keeper
        keeper.add(channel, slot)

    async def reroute(self, keeper: Keeper) -> bool:
        if not self._nodes.is_cluster:
            return True
        try:
            await self._nodes.refresh()
        except (RedisError, OSError):
            return True
        for channel, slot in keeper.channels.items():
            if self._nodes.address(slot) != keeper.address:
                keeper.release(channel)
        if keeper.channels:
            return True
        del self._keepers[keeper.address]
        return False

    def _keeper(self, address: Address) -> Keeper:
        keeper = self._keepers.get(address)
        if keeper is None:
            assert self._tasks is not None, "only while it runs"
            keeper = self._keepers[address] = Keeper(address, self._nodes, self, self._listens, self._timing)
            self._tasks.create_task(keeper.run())
        return keeper

    async def _find_nodes(self) -> None:
        failures = 0
        outage = Outage(log, "the Redis cluster")
        while not self._nodes.known:
            try:
                await self._nodes.refresh()
            except (RedisError, OSError) as error:
                failures += 1
                outage.begins(error)
                await asyncio.sleep(self._timing.backoff(failures))
        outage.ends()
