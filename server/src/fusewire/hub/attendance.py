"""Who is in a room, as all workers have it written down in the store.

Each room is one hash, with a record for each member: which sessions hold it there, and at which worker. A record changes by comparing and
replacing, so of all the workers exactly one sees a member come, and exactly one sees it go. A worker's sessions count while its lease runs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from fusewire.broker.store import Store
from fusewire.hub.stays import (
    KEPT_SECONDS,
    WORKERS,
    Holder,
    Joined,
    Left,
    Present,
    Stay,
    held_key,
    lease_key,
    put_in,
    record,
    room_key,
    take_out,
)


class Attendance:
    """As one worker sees and changes it. Every method raises `BrokerError`.

    Before a worker writes anything down it has a lease (`keep_lease`). When it finds that this was lost, others may be burying it at that
    very moment. From then on it is another incarnation, and writes everything down anew: they touch nothing of that.
    """

    def __init__(self, store: Store, worker: str) -> None:
        self._store = store
        self._worker = worker
        self._incarnation = 0
        self._attempts = 0

    async def keep_lease(self, seconds: float) -> bool:
        """This worker lives. False when its lease had run out: others may have taken its members for gone."""
        lease, current = lease_key(self._worker), b"%d" % self._incarnation
        if self._incarnation and await self._store.replace(lease, current, current, ttl_seconds=seconds):
            return True
        first = not self._incarnation
        # A number of its own for each attempt: one that failed may have been seen, and buried.
        self._attempts += 1
        new = b"%d" % self._attempts
        # In this order: who is on the list without a lease is dead.
        await self._store.set(lease, new, ttl_seconds=seconds)
        await self._store.set_fields(WORKERS, {self._worker: new}, ttl_seconds=KEPT_SECONDS)
        self._incarnation = self._attempts
        return first

    async def touch(self, stays: Collection[Stay]) -> None:
        """Keep what is written down of these, and of this worker."""
        rooms = {room_key(stay.room) for stay in stays}
        await self._store.touch([*rooms, held_key(self._worker), WORKERS], ttl_seconds=KEPT_SECONDS)

    async def enter(self, stay: Stay) -> Joined | None:
        """The session is here. Returns what its room is told, if it is the member's first."""
        holder = Holder(self._worker, self._incarnation)
        # Before the record: what a worker leaves behind is found by its lines.
        line = {stay.line: b"%d" % holder.incarnation}
        await self._store.set_fields(held_key(self._worker), line, ttl_seconds=KEPT_SECONDS)
        return await put_in(self._store, stay, holder)

    async def exit(self, stay: Stay, *, for_good: bool) -> Left | None:
        """The session is not here any more; elsewhere it may be, unless it left `for_good`. Then `strike` it.

        Returns what its room is told, if it was the member's last.
        """

        def ended(ref: str, holder: Holder) -> bool:
            return ref == stay.ref and (for_good or holder.worker == self._worker)

        return await self._take_out(stay.room, stay.member, ended)

    async def strike(self, stay: Stay) -> None:
        """Behind `exit`, when that was told: this may fail."""
        await self._store.delete_fields(held_key(self._worker), (stay.line,))

    async def clear(self, room: str, user: str) -> Left | None:
        """Take out a user, whoever holds it."""
        return await self._take_out(room, f"user:{user}", lambda _, __: True)

    async def present(self, room: str) -> list[Present]:
        """Everybody, those who came first in front."""
        stored = await self._store.fields(room_key(room))
        records = {member: record(packed) for member, packed in sorted(stored.items())}
        workers = sorted({holder.worker for one in records.values() for holder in one.held.values()})
        leases = await self._store.get_many([lease_key(worker) for worker in workers])
        # Of whichever incarnation: while it lives it sees to its own itself.
        alive = {worker for worker, lease in zip(workers, leases, strict=True) if lease is not None}
        found = [
            one.present(member)
            for member, one in records.items()
            if any(holder.worker in alive for holder in one.held.values())
        ]
        return sorted(found, key=lambda one: one.since)

    async def _take_out(self, room: str, member: str, ended: Callable[[str, Holder], bool]) -> Left | None:
        steps = [left async for left in take_out(self._store, room, (member,), ended)]
        return next((one for left in steps for one in left), None)
