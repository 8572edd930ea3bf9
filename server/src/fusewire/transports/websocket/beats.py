"""Heartbeats of all connections by one timer: a timer for each costs a third of a kilobyte per idle connection (measured)."""

from __future__ import annotations

import asyncio
from typing import Protocol

ROUND = 32
"""Ticks in one interval: how evenly pings are spread, and how late one may be."""


class Beating(Protocol):
    def beat(self) -> None: ...


class Beats:
    """Calls `beat()` of each member once in `seconds`. It keeps time only while it has members."""

    def __init__(self, seconds: float) -> None:
        self._tick_seconds = seconds / ROUND
        self._ring: list[set[Beating]] = [set() for _ in range(ROUND)]
        self._now = 0
        self._members = 0
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Beats of {self._members}>"

    def add(self, member: Beating) -> int:
        """Its first beat comes after one interval. Returns its place, which `remove` asks for."""
        self._ring[self._now].add(member)
        self._members += 1
        if self._timer is None:
            self._wait()
        return self._now

    def remove(self, member: Beating, place: int) -> None:
        self._ring[place].remove(member)
        self._members -= 1
        if not self._members and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick_seconds, self._tick)

    def _tick(self) -> None:
        self._now = (self._now + 1) % ROUND
        self._wait()
        for member in tuple(self._ring[self._now]):
            member.beat()
