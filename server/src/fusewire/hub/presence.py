"""Keeps what is written down of rooms true to the connections of this worker, and buries the workers that died."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from weakref import WeakValueDictionary

from fusewire.beside import beside
from fusewire.broker.outage import Outage
from fusewire.broker.port import BrokerError
from fusewire.hub.attendance import Attendance
from fusewire.hub.burying import Burying
from fusewire.hub.removals import removed_since
from fusewire.hub.sessions import Sessions
from fusewire.hub.stays import KEPT_SECONDS, Joined, Left, Present, Stay
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
    `clock`: seconds, monotonic.

    An app without rooms never asks the store for anything here.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        tell: Callable[[Joined | Left], Awaitable[None]],
        withdraw: Callable[[str, str], None],
        timing: Timing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.timing = timing or Timing()
        self._clock = clock
        self._sessions = sessions
        self._removals = sessions.removals
        worker = secrets.token_hex(6)
        self._attendance = Attendance(sessions.store, worker)
        self._burying = Burying(sessions.store, worker, tell)
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
        self._needed = asyncio.Event()
        """Somebody was in a room."""
        self._wake = asyncio.Event()
        self._leasing = asyncio.Lock()
        self._leased_until = -math.inf
        self._buries_from = -math.inf
        self._touched = clock()
        self._failing: set[str] = set()
        self._outage = Outage(log, "the store of who is in which room")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What is written down at the end is left to the lease: those who were here are likely to be back at another worker."""
        # An app may run again, in another event loop: in its tests it does.
        self._wake, self._leasing, needed = asyncio.Event(), asyncio.Lock(), asyncio.Event()
        if self._needed.is_set():
            needed.set()
        self._needed = needed
        # None of them waits for another: what takes long must not cost the lease.
        async with beside(
            self._repeat(self._keep_lease),
            self._repeat(self._keep_true, self._wake),
            self._repeat(self._bury),
        ):
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
            self._leaving[stay] = self._clock() + self.timing.grace

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
        self._needed.set()
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
                    await self._attendance.strike(stay)
                    self._left.discard(stay)
                    if stay in self._withdrawn:
                        await self._sessions.exit(stay.session, stay.user, room_topic(stay.room))
                        self._withdrawn.discard(stay)
                elif removed_since(mark, await self._removals.mark(stay.room, stay.user)):
                    self._withdraw(stay.session, stay.room)
                else:
                    await self._have_lease()
                    await self._told(await self._attendance.enter(stay))
            except BrokerError:
                self._unsettled.add(stay)
                raise

    async def _told(self, change: Joined | Left | None) -> None:
        if change is not None:
            await self._tell(change)

    # The lease

    async def _have_lease(self) -> None:
        if self._clock() >= self._leased_until:
            async with self._leasing:
                if self._clock() >= self._leased_until:
                    await self._renew()

    async def _keep_lease(self) -> None:
        async with self._leasing:
            await self._renew()

    async def _renew(self) -> None:
        asked = self._clock()
        try:
            # One that is not answered must not cost the lease: there is time for another.
            async with asyncio.timeout(self.timing.lease / 3):
                kept = await self._attendance.keep_lease(self.timing.lease)
        except TimeoutError as error:
            raise BrokerError("the store did not answer in time") from error
        self._leased_until = asked + self.timing.lease
        if not kept:
            # Others took this worker for dead.
            self._unsettled.update(self._marks)
            self._wake.set()
            # They may have been cut off as well, and are about to come back.
            self._buries_from = self._clock() + self.timing.lease

    # Time

    async def _repeat(self, work: Callable[[], Awaitable[None]], wake: asyncio.Event | None = None) -> None:
        """At every tick, and when `wake` is set; not before anybody was in a room."""
        wake = wake or asyncio.Event()
        await self._needed.wait()
        while True:
            wake.clear()
            try:
                await work()
            except BrokerError as error:
                # The next round does it: who came and went is told then.
                self._failing.add(work.__name__)
                self._outage.begins(str(error))
                await asyncio.sleep(self.timing.tick / 3)
                continue
            self._failing.discard(work.__name__)
            if not self._failing:
                self._outage.ends()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.timing.tick):
                    await wake.wait()

    async def _keep_true(self) -> None:
        """What is written down, to the connections of now."""
        now = self._clock()
        for stay in [stay for stay, moment in self._leaving.items() if moment <= now]:
            self._forget(stay.session, stay.room)
        await self._look_for_removals()
        failed = await self._settle_all()
        if now - self._touched > KEPT_SECONDS / 3:
            await self._attendance.touch(self._marks)
            self._touched = now
        if failed is not None:
            raise failed

    async def _settle_all(self) -> BaseException | None:
        """Returns what the first that failed raised: connections that broke are no reason to keep all others waiting."""
        first = None
        unsettled = list(self._unsettled)
        for start in range(0, len(unsettled), AT_A_TIME):
            some = unsettled[start : start + AT_A_TIME]
            results = await asyncio.gather(*map(self._settle, some), return_exceptions=True)
            failures = [result for result in results if result is not None]
            first = first or next(iter(failures), None)
            if len(failures) == len(some):
                break
        return first

    async def _bury(self) -> None:
        if self._clock() >= self._buries_from:
            await self._burying.bury_the_dead()

    async def _look_for_removals(self) -> None:
        """A worker that was not told of one at the time finds it here."""
        if not await self._removals.any_new():
            return
        stays = [(stay, mark) for stay, mark in self._marks.items() if stay.user is not None]
        known = await self._removals.marks([(stay.room, stay.user or "") for stay, _ in stays])
        for (stay, joined), mark in zip(stays, known, strict=True):
            if removed_since(joined, mark) and self._marks.get(stay) == joined:
                self._withdraw(stay.session, stay.room)
