"""What stands before the workers: each new link goes to the next of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from tests.faults.frames import Frames
from tests.support.proxy import Direction, Link, Proxy


class Gateway(Proxy):
    def __init__(self, chance: random.Random) -> None:
        super().__init__("127.0.0.1", 0)
        self.ports: Sequence[int] = ()
        self.jumbled = 0.0
        """The part of the frames with events that come twice or late."""
        self.carries: Callable[[], int] | None = None
        """How many bytes a new link carries to the client before it is cut."""
        self._chance = chance
        self._turn = 0
        self._frames: dict[Link, Frames] = {}
        self._touched = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/_ws"

    @property
    def touched(self) -> int:
        """How many frames came twice or late."""
        return self._touched + sum(frames.touched for frames in self._frames.values())

    def cut_some(self, count: int) -> None:
        """Reset so many links, in the middle of whatever they carry."""
        for link in self._some(count):
            for end in link.ends:
                end.transport.abort()

    def half_open_some(self, count: int) -> None:
        """They carry nothing any more, and neither end is told."""
        for link in self._some(count):
            link.dead = True

    def _some(self, count: int) -> list[Link]:
        links = list(self._links)
        return self._chance.sample(links, min(count, len(links)))

    def _linked(self, link: Link) -> None:
        self._frames[link] = Frames(self._chance)
        if self.carries is not None:
            link.left = self.carries()

    def _unlinked(self, link: Link) -> None:
        self._touched += self._frames.pop(link).touched

    def _passing(self, link: Link, way: Direction, data: bytes) -> bytes:
        if way is self.down:
            data = self._frames[link].pass_on(data, self.jumbled)
        return super()._passing(link, way, data)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        # Whoever is gone is passed over, as a gateway does that was not told yet.
        for _ in self.ports:
            self._turn += 1
            try:
                return await asyncio.open_connection("127.0.0.1", self.ports[self._turn % len(self.ports)])
            except OSError:
                continue
        raise ConnectionRefusedError("no worker")
