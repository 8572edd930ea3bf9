"""Workers that share a store, and do nothing by themselves."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from fusewire.broker import MemoryStore
from fusewire.broker.store import Change
from fusewire.hub import Joined, Left, Sessions
from fusewire.hub.presence import Presence, Timing

ROOMS = 3
USERS = [f"user {n}" for n in range(40)]
LONGER_THAN_THE_LEASE = 10.0


Meet = Callable[[str, str], Any]


def nothing(operation: str, key: str) -> None:
    """Meets an operation, and lets it pass."""


class Shared(MemoryStore):
    """Of several workers. Steps of one come between those of another, and some may fail."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: self.now)
        self.now = 0.0
        self.chance = random.Random(0)
        self.meet: Meet = nothing
        """Asked before each change, with the operation and its key: it may raise, or return what is to be waited for."""

    async def _turn(self, operation: str, key: str) -> None:
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        if (gate := self.meet(operation, key)) is not None:
            await gate

    async def replace(self, key: str, expected: bytes, value: bytes, *, ttl_seconds: float) -> bool:
        await self._turn("replace", key)
        return await super().replace(key, expected, value, ttl_seconds=ttl_seconds)

    async def get_fields(self, key: str, fields: Any) -> dict[str, bytes]:
        found = await super().get_fields(key, fields)
        await self._turn("get_fields", key)
        return found

    async def set_fields(self, key: str, fields: Mapping[str, bytes], *, ttl_seconds: float) -> None:
        await self._turn("set_fields", key)
        await super().set_fields(key, fields, ttl_seconds=ttl_seconds)

    async def replace_fields(
        self, key: str, changes: Mapping[str, Change], *, ttl_seconds: float
    ) -> frozenset[str]:
        await self._turn("replace_fields", key)
        return await super().replace_fields(key, changes, ttl_seconds=ttl_seconds)

    async def delete_fields(self, key: str, fields: Any) -> None:
        await self._turn("delete_fields", key)
        await super().delete_fields(key, fields)


class World:
    """The workers, and what they told."""

    def __init__(self) -> None:
        self.store = Shared()
        self.told: list[tuple[str, str | None]] = []

    def worker(self, timing: Timing | None = None) -> Presence:
        def withdraw(session: str, room: str) -> None:
            raise AssertionError("nobody is removed")

        return Presence(
            Sessions(self.store, 60),
            tell=self._tell,
            withdraw=withdraw,
            timing=timing,
            clock=lambda: self.store.now,
        )

    async def _tell(self, change: Joined | Left) -> None:
        self.told.append((type(change).__name__, change.user))

    def counted(self, kind: str) -> Counter[str | None]:
        return Counter(user for told, user in self.told if told == kind)

    async def present(self, worker: Presence) -> list[str]:
        rooms = [await worker.present(f"room {room}") for room in range(ROOMS)]
        return sorted(str(one.user) for room in rooms for one in room)


def once(meet: Meet) -> Meet:
    """Until it returns something."""
    met = False

    def meet_once(operation: str, key: str) -> Any:
        nonlocal met
        found = None if met else meet(operation, key)
        met = met or found is not None
        return found

    return meet_once


async def fill(worker: Presence) -> None:
    for n, user in enumerate(USERS):
        await worker.enter(f"session of {user}", f"room {n % ROOMS}", user, b"")


async def renew(worker: Presence) -> None:
    await worker._keep_lease()
    await worker._keep_true()
