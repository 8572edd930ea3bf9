"""Events that wait for somebody to take them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from fusewire.client.errors import ConnectionLost
from fusewire.wire import messages as m


class EventsLostError(Exception):
    """More events came than are kept, and the oldest of this name are gone."""


class Inbox:
    """Every event from the beginning of the connection, in order; each is given out once. `most` events are kept."""

    def __init__(self, *, most: int = 1000) -> None:
        self._most = most
        self._waiting: deque[m.Event] = deque()
        self._lost: set[str] = set()
        self._end: str | None = None
        self._arrived = asyncio.Event()

    def put(self, event: m.Event) -> None:
        if len(self._waiting) == self._most:
            self._lost.add(self._waiting.popleft().name)
        self._waiting.append(event)
        self._wake()

    def close(self, reason: str) -> None:
        """No more will come; what waits can still be taken."""
        self._end = reason
        self._wake()

    async def take(self, name: str, *, within: float | None) -> Any:
        """The next event of a name. `within` so many seconds, None for however long.

        Raises `TimeoutError`, `ConnectionLost` when the connection ended, and `EventsLostError` once after a loss.
        """
        try:
            async with asyncio.timeout(within):
                while True:
                    if event := self._pop(name):
                        return event.value
                    await self._arrived.wait()
        except TimeoutError:
            others = sorted({event.name for event in self._waiting})
            raise TimeoutError(
                f"no {name} within {within:g} s; waiting are {', '.join(others) or 'none'}"
            ) from None

    def _pop(self, name: str) -> m.Event | None:
        if name in self._lost:
            self._lost.discard(name)
            raise EventsLostError(f"more than {self._most} events waited; the oldest {name} are gone")
        for index, event in enumerate(self._waiting):
            if event.name == name:
                del self._waiting[index]
                return event
        if self._end is not None:
            raise ConnectionLost(self._end, maybe_executed=False)
        return None

    def _wake(self) -> None:
        """Everybody who waits looks once; a new Event is for those who come later."""
        self._arrived.set()
        self._arrived = asyncio.Event()


class Events(AsyncIterator[Any]):
    """The events of one name. Not a generator: one of those that is left early needs a task to be finished."""

    def __init__(self, inbox: Inbox, name: str, within: float | None) -> None:
        self._inbox = inbox
        self._name = name
        self._within = within

    async def __anext__(self) -> Any:
        return await self._inbox.take(self._name, within=self._within)
