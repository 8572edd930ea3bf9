"""What stands before the workers: each new link goes to the next of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from tests.support.proxy import Link, Proxy


class Gateway(Proxy):
    def __init__(self) -> None:
        super().__init__("127.0.0.1", 0)
        self.ports: Sequence[int] = ()
        self._turn = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/_ws"

    def cut_some(self, count: int, chance: random.Random) -> None:
        """Reset so many links, in the middle of whatever they carry."""
        for link in self._some(count, chance):
            for end in link.ends:
                end.transport.abort()

    def half_open_some(self, count: int, chance: random.Random) -> None:
        """They carry nothing any more, and neither end is told."""
        for link in self._some(count, chance):
            link.dead = True

    def _some(self, count: int, chance: random.Random) -> list[Link]:
        links = list(self._links)
        return chance.sample(links, min(count, len(links)))

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        # Whoever is gone is passed over, as a gateway does that was not told yet.
        for _ in self.ports:
            self._turn += 1
            try:
                return await asyncio.open_connection("127.0.0.1", self.ports[self._turn % len(self.ports)])
            except OSError:
                continue
        raise ConnectionRefusedError("no worker")
