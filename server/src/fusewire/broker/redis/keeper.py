"""One node's link, made again whenever it is lost."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from redis.asyncio.connection import AbstractConnection

from fusewire.broker.outage import Outage
from fusewire.broker.redis.link import Link
from fusewire.broker.redis.nodes import Address, Nodes
from fusewire.broker.redis.timing import Timing

log = logging.getLogger("fusewire.broker")


class Listens(Protocol):
    """Who is told what is heard, and what is not. None of it may block or raise."""

    def arrived(self, channel: str, frame: bytes) -> None: ...

    def confirmed(self, channel: str) -> None:
        """What is published on the channel from now on arrives."""
        ...

    def lost(self, channel: str) -> None:
        """Until it is confirmed again, what is published on the channel does not arrive."""
        ...


class Switchboard(Protocol):
    """Who knows where channels belong."""

    def attach(self, channel: str, slot: int) -> None: ...

    async def reroute(self, keeper: Keeper) -> bool:
        """After a loss: move what belongs elsewhere now. Whether there is reason to go on."""
        ...


class Keeper:
    """`link`: None while there is none. `failures`: how often it was lost or not to be had since it last worked."""

    def __init__(
        self, address: Address, nodes: Nodes, board: Switchboard, listens: Listens, timing: Timing
    ) -> None:
        self.address = address
        self._nodes = nodes
        self._board = board
        self._listens = listens
        self._timing = timing
        self.link: Link | None = None
        self.opened = asyncio.Event()
        """Set when the first link stands."""
        self.failures = 0
        self._outage = Outage(log, "the link to Redis")
        self._channels: dict[str, int] = {}
        self._by_slot: dict[int, dict[str, None]] = {}

    def __repr__(self) -> str:
        return f"<Keeper {'linked' if self.link else 'not linked'} {len(self._channels)} channels>"

    @property
    def channels(self) -> dict[str, int]:
        """With their slots; a copy."""
        return dict(self._channels)

    def add(self, channel: str, slot: int) -> None:
        self._channels[channel] = slot
        self._by_slot.setdefault(slot, {})[channel] = None
        if self.link is not None:
            self.link.subscribe(channel)

    def remove(self, channel: str) -> None:
        self._drop(channel)
        if self.link is not None:
            self.link.unsubscribe(channel)

    async def run(self) -> None:
        """For as long as there is reason to. However a link ends, another is made: a listener that dies silently loses events."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            connection: AbstractConnection | None = None
            try:
                connection = await self._nodes.open(self.address)
                self.link = link = Link(connection, self, idle_seconds=self._timing.idle)
                self.opened.set()
                self._outage.ends()
                for channel in self._channels:
                    link.subscribe(channel)
                await link.run()
            except* Exception as errors:  # noqa: BLE001  # see above
                self._outage.begins(errors)
            finally:
                self.link = None
                if connection is not None:
                    await connection.disconnect(nowait=True)
                for channel in self._channels:
                    self._listens.lost(channel)
            # A server that lets everybody in and then hangs up is not approached any faster for it.
            self.failures = 1 if loop.time() - began > self._timing.idle else self.failures + 1
            await asyncio.sleep(self._timing.backoff(self.failures))
            if not await self._board.reroute(self):
                return

    # What the link hears.

    def arrived(self, channel: str, frame: bytes) -> None:
        self._listens.arrived(channel, frame)

    def confirmed(self, channel: str) -> None:
        self.failures = 0
        if channel in self._channels:
            self._listens.confirmed(channel)

    def ended(self, channel: str) -> None:
        if channel in self._channels and self.link is not None:
            self._listens.lost(channel)
            # The node that let go of the slot knows best who took it, and says so.
            self.link.subscribe(channel)

    def moved(self, slot: int, address: Address) -> None:
        target = (address[0] or self.address[0], address[1])
        self._nodes.moved(slot, target)
        if self.link is not None:
            # Of those that were just unsubscribed from too.
            self.link.forget(lambda channel: self._nodes.slot(channel) == slot)
        for channel in list(self._by_slot.get(slot, ())):
            self.release(channel)

    def release(self, channel: str) -> None:
        """It belongs to another node."""
        slot = self._drop(channel)
        self._listens.lost(channel)
        self._board.attach(channel, slot)

    def _drop(self, channel: str) -> int:
        slot = self._channels.pop(channel)
        same = self._by_slot[slot]
        del same[channel]
        if not same:
            del self._by_slot[slot]
        return slot
