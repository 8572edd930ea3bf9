"""Who executes a call, as all workers see it: claims in the store, and the leases of those who are at work."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from fusewire.beside import beside
from fusewire.broker import BrokerError, Store
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
            yield

    async def take(self, place: str, fingerprint: bytes, seconds: float) -> Claim | bytes:
        """A claim to be held from now on, or what is there instead. Raises `BrokerError`."""
        mine = Claim(place, Record(fingerprint, secrets.token_hex(8)), seconds)
        await self._store.set(_lease(mine.token), b"1", ttl_seconds=self._lease_ttl)
        stored = await self._store.claim(place, mine.record.pack(), ttl_seconds=self._claim_ttl(seconds))
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
        await self._store.delete(claim.place)

    async def outcome(
        self, place: str, stored: bytes | None, fingerprint: bytes, seconds: float
    ) -> Outcome | None:
        """Wait for it. None when the call turned out not to have been executed.

        Raises `KeyReused` when it is of other arguments, and `BrokerError`.
        """
        pause = 0.02
        silent: tuple[str, float] | None = None
        while stored is not None:
            record = read_record(stored)
            if record.fingerprint != fingerprint:
                raise KeyReused(message="This key was used with other arguments")
            if record.outcome is not None:
                return record.outcome
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
