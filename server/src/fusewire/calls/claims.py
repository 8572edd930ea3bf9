"""Who executes a call, as all workers see it: claims in the store, and the leases of those who are at work."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from fusewire.beside import beside
from fusewire.broker import BrokerError, Store
from fusewire.calls.fingerprint import Fingerprint
from fusewire.calls.outcome import UNKNOWN, Outcome, Record, read_record
from fusewire.errors import KeyReused


class Claim(NamedTuple):
    """`place`: the key in the store. `seconds`: for how long its outcome is kept."""

    place: str
    record: Record
    seconds: float

    @property
    def token(self) -> str:
        return self.record.token


class Claims:
    """`lease_seconds`: within this time it is noticed that a worker is gone."""

    def __init__(self, store: Store, *, lease_seconds: float = 15.0) -> None:
        self._store = store
        self.lease_seconds = lease_seconds
        self._held: dict[str, Claim] = {}
        """What this worker executes, by token."""
        self._given_up: dict[str, Claim] = {}
        """What it does not, though the store may have it, by token."""
        self._givers_up: set[asyncio.Task[None]] = set()

    # A lease lasts for three beats. Who finds none waits for two more: after an outage of the store the one at work comes back to it.

    @property
    def _beat_seconds(self) -> float:
        return self.lease_seconds / 5

    @property
    def _lease_ttl(self) -> float:
        return 3 * self._beat_seconds

    def _claim_ttl(self, seconds: float) -> float:
        """While it is executed. The time of its outcome begins when it has one; until then the claim outlives its lease."""
        return seconds + 2 * self.lease_seconds

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """What is claimed stays so while this worker is at work on it."""
        async with beside(self._keep_on()):
            try:
                yield
            finally:
                for giver_up in self._givers_up:
                    giver_up.cancel()
                if self._givers_up:
                    await asyncio.wait(self._givers_up)

    async def take(self, place: str, arguments: Fingerprint, seconds: float) -> Claim | bytes:
        """A claim to be held from now on, or what is there instead. Raises `BrokerError`."""
        mine = Claim(place, Record(arguments, secrets.token_hex(8)), seconds)
        await self._store.set(_lease(mine.token), b"1", ttl_seconds=self._lease_ttl)
        try:
            stored = await self._store.claim(place, mine.record.pack(), ttl_seconds=self._claim_ttl(seconds))
        except BaseException:
            # Perhaps it is there, and others would take the call for begun.
            self._give_up(mine)
            raise
        if stored is None:
            self._held[mine.token] = mine
            return mine
        await self._store.delete(_lease(mine.token))
        return stored

    def let_go(self, claim: Claim) -> None:
        """Nobody here is at work on it any more."""
        self._held.pop(claim.token, None)

    async def keep(self, claim: Claim, outcome: Outcome) -> None:
        """What came of it. Raises `BrokerError`."""
        record = claim.record._replace(outcome=outcome)
        await self._store.set(claim.place, record.pack(), ttl_seconds=claim.seconds)

    async def drop(self, claim: Claim) -> None:
        """It was not executed, and may be. Raises `BrokerError`."""
        await self._store.discard(claim.place, claim.record.pack())

    async def outcome(
        self, place: str, stored: bytes | None, arguments: Fingerprint, seconds: float
    ) -> Outcome | None:
        """Wait for it. None when the call turned out not to have been executed.

        Raises `KeyReused` when it is of other arguments, and `BrokerError`.
        """
        pause = 0.02
        silent: tuple[str, float] | None = None
        while stored is not None:
            record = read_record(stored)
            if not record.arguments.fits(arguments):
                raise KeyReused(message="This key was used with other arguments")
            if record.outcome is not None:
                return record.outcome
            if record.token in self._given_up:
                await self._store.discard(place, stored)
                return None
            if await self._store.get(_lease(record.token)) is not None:
                silent = None
            elif silent is None or silent[0] != record.token:
                silent = record.token, time.monotonic()
            elif time.monotonic() - silent[1] > 2 * self._beat_seconds:
                lost = record._replace(outcome=UNKNOWN).pack()
                # Unless it came to its end between the two.
                await self._store.replace(place, stored, lost, ttl_seconds=seconds)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)
            stored = await self._store.get(place)
        return None

    def _give_up(self, claim: Claim) -> None:
        self._given_up[claim.token] = claim
        task = asyncio.create_task(self._take_back(claim))  # noqa: TID251  # `keeping` ends it
        self._givers_up.add(task)
        task.add_done_callback(self._givers_up.discard)

    async def _take_back(self, claim: Claim) -> None:
        begun, told = time.monotonic(), False
        try:
            # More than once: what was sent on a connection that broke may arrive late.
            while not told or time.monotonic() - begun < self.lease_seconds:
                with contextlib.suppress(BrokerError):
                    await self._store.discard(claim.place, claim.record.pack())
                    told = True
                await asyncio.sleep(self._beat_seconds)
        finally:
            del self._given_up[claim.token]

    async def _keep_on(self) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            try:
                await self._beat()
            except BrokerError:
                # The next beat does it, if it comes in time.
                continue

    async def _beat(self) -> None:
        held = tuple(self._held.values())
        leases = [_lease(claim.token) for claim in held]
        await self._store.touch(leases, ttl_seconds=self._lease_ttl)
        for claim, lease in zip(held, await self._store.get_many(leases), strict=True):
            # While the store was away it may have run out.
            if lease is None and claim.token in self._held:
                await self._store.set(_lease(claim.token), b"1", ttl_seconds=self._lease_ttl)
        for seconds in {claim.seconds for claim in held}:
            places = [claim.place for claim in held if claim.seconds == seconds and claim.token in self._held]
            await self._store.touch(places, ttl_seconds=self._claim_ttl(seconds))


def _lease(token: str) -> str:
    return f"executing:{token}"
