"""Keeps what is written down of rooms true to the connections of this worker, and buries the workers that died."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from fusewire.beside import beside
from fusewire.broker.outage import Outage
from fusewire.broker.port import BrokerError
from fusewire.hub.attendance import KEPT_SECONDS, Attendance, Joined, Left, Present, Stay
from fusewire.hub.removals import removed_since
from fusewire.hub.sessions import Sessions
from fusewire.hub.topics import room_topic

AT_A_TIME = 50
"""How many sessions are written down at a time."""

log = logging.getLogger("fusewire.hub")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """In seconds. `grace`: for how long somebody whose connection ended is still there. `lease`: how long a worker that is not heard of
    is taken for alive. `tick`: how often this worker says that it is."""

    grace: float = 10.0
    lease: float = 6.0
    tick: float = 1.5


class Presence:
    """`tell` emits to a room whoever came or went. `withdraw` ends a stay whose right was withdrawn: the session, and the room.

    An app without rooms never asks the store for anything here.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        tell: Callable[[Joined | Left], Awaitable[None]],
        withdraw: Callable[[str, str], None],
        timing: Timing | None = None,
    ) -> None:
        self.timing = timing or Timing()
        self._sessions = sessions
        self._removals = sessions.removals
        self._attendance = Attendance(sessions.store, secrets.token_hex(6))
        self._tell = tell
        self._withdraw = withdraw
        self._stays: dict[tuple[str, str], Stay] = {}
        """Of a session in a room: those that are connected, or were a moment ago."""
        self._marks: dict[Stay, bytes] = {}
        """The mark of removal that was known when they joined."""
        self._leaving: dict[Stay, float] = {}
        """Those whose connection ended, and when they are gone."""
        self._left: set[Stay] = set()
        """Those who went of their own will, or had to: not back at another worker, wherever they were written down."""
        self._withdrawn: set[Stay] = set()
        """Those whose session is to forget the room."""
        self._unsettled: set[Stay] = set()
        self._locks: WeakValueDictionary[Stay, asyncio.Lock] = WeakValueDictionary()
        self._wake = asyncio.Event()
        self._leased = False
        self._outage = Outage(log, "the store of who is in which room")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What is written down at the end is left to the lease: those who were here are likely to be back at another worker."""
        # An app may run again, in another event loop: in its tests it does.
        self._wake = asyncio.Event()
        async with beside(self._keep_on()):
            yield

    # What happens to connections here

    async def withdrawn(self, session: str, room: str) -> None:
        """Wait until a right that was withdrawn is written down: what is granted now must not be deleted with it. Raises `BrokerError`."""
        for stay in [stay for stay in self._withdrawn if (stay.session, stay.room) == (session, room)]:
            await self._settle(stay)

    async def enter(self, session: str, room: str, user: str | None, mark: bytes) -> None:
        """Raises `BrokerError`."""
        await self._settle(self._note(Stay(session, room, user), mark))

    def back(self, session: str, room: str, user: str | None, mark: bytes) -> None:
        """A connection of a session that was in the room already."""
        self._note(Stay(session, room, user), mark)
        self._wake.set()

    def away(self, session: str, room: str) -> None:
        """Its connection ended."""
        if (stay := self._stays.get((session, room))) is not None:
            self._leaving[stay] = time.monotonic() + self.timing.grace

    async def exit(self, session: str, room: str) -> None:
        """Raises `BrokerError`."""
        if (stay := self._forget(session, room)) is not None:
            self._left.add(stay)
            await self._settle(stay)

    def gone(self, session: str, room: str, *, withdrawn: bool = False) -> None:
        """`withdrawn`: its session is to forget the room as well."""
        if (stay := self._forget(session, room)) is not None:
            self._left.add(stay)
            if withdrawn:
                self._withdrawn.add(stay)
            self._wake.set()

    def joined(self, session: str, room: str) -> tuple[str | None, bytes] | None:
        """The user, and the mark of removal that was known when the session joined; None when it is not here."""
        stay = self._stays.get((session, room))
        return None if stay is None else (stay.user, self._marks[stay])

    # What is asked

    async def present(self, room: str) -> list[Present]:
        """Raises `BrokerError`."""
        return await self._attendance.present(room)

    async def clear(self, room: str, user: str) -> None:
        """Raises `BrokerError`."""
        await self._told(await self._attendance.clear(room, user))

    # The store

    def _note(self, stay: Stay, mark: bytes) -> Stay:
        before = self._stays.get((stay.session, stay.room))
        if before is not None and before != stay:
            self.gone(stay.session, stay.room)
        self._stays[stay.session, stay.room] = stay
        self._marks[stay] = mark
        self._leaving.pop(stay, None)
        self._withdrawn.discard(stay)
        self._left.discard(stay)
        self._unsettled.add(stay)
        return stay

    def _forget(self, session: str, room: str) -> Stay | None:
        stay = self._stays.pop((session, room), None)
        if stay is not None:
            del self._marks[stay]
            self._leaving.pop(stay, None)
            self._unsettled.add(stay)
        return stay

    async def _settle(self, stay: Stay) -> None:
        lock = self._locks.setdefault(stay, asyncio.Lock())
        async with lock:
            if stay not in self._unsettled:
                return
            self._unsettled.discard(stay)
            try:
                mark = self._marks.get(stay)
                if mark is None:
                    await self._told(await self._attendance.exit(stay, for_good=stay in self._left))
                    self._left.discard(stay)
                    if stay in self._withdrawn:
                        await self._sessions.exit(stay.session, stay.user, room_topic(stay.room))
                        self._withdrawn.discard(stay)
                elif removed_since(mark, await self._removals.mark(stay.room, stay.user)):
                    self._withdraw(stay.session, stay.room)
                else:
                    if not self._leased:
                        await self._keep_lease()
                    await self._told(await self._attendance.enter(stay))
            except BrokerError:
                self._unsettled.add(stay)
                raise

    async def _told(self, change: Joined | Left | None) -> None:
        if change is not None:
            await self._tell(change)

    async def _keep_lease(self) -> None:
        first = not self._leased
        self._leased = True
        if not await self._attendance.keep_lease(self.timing.lease) and not first:
            # Others took this worker for dead.
            self._unsettled.update(self._marks)
        if first:
            self._wake.set()

    # Time

    async def _keep_on(self) -> None:
        touched = time.monotonic()
        while True:
            if not self._leased and not self._marks:
                await self._wake.wait()
            self._wake.clear()
            try:
                await self._tick()
                self._outage.ends()
                if time.monotonic() - touched > KEPT_SECONDS / 3:
                    await self._attendance.touch(self._marks)
                    touched = time.monotonic()
            except BrokerError as error:
                # The next round does it: who came and went is told then.
                self._outage.begins(str(error))
                await asyncio.sleep(self.timing.tick)
            try:
                async with asyncio.timeout(self.timing.tick):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _tick(self) -> None:
        if self._marks or self._leased:
            await self._keep_lease()
        now = time.monotonic()
        for stay in [stay for stay, moment in self._leaving.items() if moment <= now]:
            self._forget(stay.session, stay.room)
        await self._look_for_removals()
        unsettled = list(self._unsettled)
        for start in range(0, len(unsettled), AT_A_TIME):
            await asyncio.gather(*map(self._settle, unsettled[start : start + AT_A_TIME]))
        for worker in await self._attendance.dead():
            for left in await self._attendance.bury(worker):
                await self._told(left)

    async def _look_for_removals(self) -> None:
        """A worker that was not told of one at the time finds it here."""
        if not await self._removals.any_new():
            return
        stays = [(stay, mark) for stay, mark in self._marks.items() if stay.user is not None]
        known = await self._removals.marks([(stay.room, stay.user or "") for stay, _ in stays])
        for (stay, joined), mark in zip(stays, known, strict=True):
            if removed_since(joined, mark) and self._marks.get(stay) == joined:
                self._withdraw(stay.session, stay.room)
