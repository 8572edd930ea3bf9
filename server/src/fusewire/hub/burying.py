"""Takes what dead workers held out of the rooms, and tells who left."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator

from fusewire.broker.store import Store
from fusewire.hub.stays import (
    KEPT_SECONDS,
    WORKERS,
    Holder,
    Left,
    held_key,
    lease_key,
    place_of,
    take_out,
)

AT_A_TIME = 100
"""How many stays are taken out before it is asked again whether their worker is dead."""


class Burying:
    """Several workers may bury one at the same time: each of its members is told by one of them. Every method raises `BrokerError`."""

    def __init__(self, store: Store, worker: str, tell: Callable[[Left], Awaitable[None]]) -> None:
        """`worker`: who buries, and so lives. `tell` does not raise."""
        self._store = store
        self._worker = worker
        self._tell = tell

    async def bury_the_dead(self) -> None:
        """Those whose lease ran out, and of whom something is still written down."""
        listed = await self._store.fields(WORKERS)
        # A worker that was held up itself may come here before it has renewed its lease.
        listed.pop(self._worker, None)
        leases = await self._store.get_many([lease_key(worker) for worker in listed])
        for (worker, incarnation), lease in zip(listed.items(), leases, strict=True):
            if lease is None:
                await self.bury(worker, int(incarnation))

    async def bury(self, worker: str, incarnation: int) -> None:
        """Up to this incarnation. A later one is alive, or died later, and is not touched."""
        held = await self._store.fields(held_key(worker))
        for lines in _parts(sorted(line for line, wrote in held.items() if int(wrote) <= incarnation)):
            if await self._store.get(lease_key(worker)) is not None:
                # It is back, and sees to the rest itself.
                return
            await self._take_out(lines, worker, incarnation)
            done: dict[str, tuple[bytes | None, bytes | None]] = {line: (held[line], None) for line in lines}
            await self._store.replace_fields(held_key(worker), done, ttl_seconds=KEPT_SECONDS)
        gone = {worker: (b"%d" % incarnation, None)}
        await self._store.replace_fields(WORKERS, gone, ttl_seconds=KEPT_SECONDS)

    async def _take_out(self, lines: Collection[str], worker: str, incarnation: int) -> None:
        rooms = defaultdict(set)
        for room, member in map(place_of, lines):
            rooms[room].add(member)

        def ended(_: str, holder: Holder) -> bool:
            return holder.worker == worker and holder.incarnation <= incarnation

        async def clear(room: str, members: Collection[str]) -> None:
            async for left in take_out(self._store, room, members, ended):
                await asyncio.gather(*map(self._tell, left))

        # All are waited for, also when one fails: none stops between writing down and telling.
        results = await asyncio.gather(
            *(clear(room, members) for room, members in rooms.items()), return_exceptions=True
        )
        for failure in results:
            if failure is not None:
                raise failure


def _parts(lines: list[str]) -> Iterator[list[str]]:
    return (lines[start : start + AT_A_TIME] for start in range(0, len(lines), AT_A_TIME))
