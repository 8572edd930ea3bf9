"""Places for as many calls as a server takes at once; the rest stand in line."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """`most` places. After `dissolve` nobody waits any more, and everybody gets one."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._line: deque[asyncio.Future[None]] = deque()
        self._dissolved = False

    async def take(self) -> None:
        """Wait for a place, behind those who came before."""
        if self._dissolved or (self._free > 0 and not self._line):
            self._free -= 1
            return
        place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                # It came in the tick in which this caller left.
                self.give()
            raise

    def give(self) -> None:
        """Give a place back, to the first who waits."""
        while self._line:
            place = self._line.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def dissolve(self) -> None:
        """Let all of them go: what they wait for will not come here."""
        self._dissolved = True
        for place in self._line:
            if not place.done():
                place.set_result(None)
        self._line.clear()
