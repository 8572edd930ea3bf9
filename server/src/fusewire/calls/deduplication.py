"""`dedupe="10m"`: a call with a key is executed once, and whoever sends it again gets what came of it (docs/retries.md).

The first one claims the key in the store, executes the call in a task that outlives its connection, and writes the outcome down. Others
wait for that. An executing worker holds a lease; when it runs out without an outcome nobody knows what was done, and that is what they
are told.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgpack

from fusewire.beside import beside
from fusewire.broker import BrokerError, Store
from fusewire.calls.outcome import KEPT_BYTES, UNKNOWN, Outcome, Record, Recorder, Replies, read_record
from fusewire.errors import InvalidArgument, KeyReused, RateLimited, RpcError, Unavailable
from fusewire.procedures.call import Call
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.resolve import Surroundings, Values

log = logging.getLogger("fusewire.calls")

KEY_CHARACTERS = 255
SECRET_CHARACTERS = 16
"""An anonymous caller has nothing but its key to tell it from others, so nobody may guess that."""

LEFT_BEHIND = 1_000
"""How many calls of one worker may go on whose callers are gone. More are cancelled with their connections."""

Execute = Callable[[Recorder], Awaitable[None]]


class Deduplication:
    """`lease_seconds`: for how long a worker that is not heard of is taken to be at work."""

    def __init__(self, store: Store, *, lease_seconds: float = 15.0) -> None:
        self._store = store
        self.lease_seconds = lease_seconds
        self._tasks: set[asyncio.Task[None]] = set()
        self._leases: set[str] = set()
        self._left = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What is still executed at the end is cancelled, and that is written down."""
        async with beside(self._keep_leases()):
            try:
                yield
            finally:
                for task in self._tasks:
                    task.cancel()
                if self._tasks:
                    await asyncio.wait(self._tasks)

    async def run(
        self,
        procedure: Procedure,
        call: Call,
        around: Surroundings,
        values: Values,
        reply: Replies,
        execute: Execute,
    ) -> None:
        """Answer `reply`, by executing the call or without. Raises `RpcError` when neither can be, and `CancelledError`."""
        assert procedure.dedupe_seconds is not None
        place = _place(procedure, call)
        fingerprint = _fingerprint(values)
        try:
            while True:
                mine = Record(fingerprint, secrets.token_hex(8))
                await self._store.set(_lease(mine.token), b"1", ttl_seconds=self.lease_seconds)
                stored = await self._store.claim(place, mine.pack(), ttl_seconds=procedure.dedupe_seconds)
                if stored is None:
                    break
                await self._store.delete(_lease(mine.token))
                if read_record(stored).fingerprint != fingerprint:
                    raise KeyReused(message="This key was used with other arguments")
                outcome = await self._outcome(place, stored, procedure.dedupe_seconds)
                if outcome is not None:
                    await outcome.answer(reply)
                    return
        except BrokerError as error:
            raise Unavailable(message="The call was not started: its key could not be looked up") from error
        await self._first(mine, place, procedure, around, reply, execute)

    async def _first(
        self,
        mine: Record,
        place: str,
        procedure: Procedure,
        around: Surroundings,
        reply: Replies,
        execute: Execute,
    ) -> None:
        async def keep(outcome: Outcome, error: RpcError[Any] | None) -> None:
            await self._keep(mine, place, procedure.dedupe_seconds or 0.0, outcome, error)

        recorder = Recorder(procedure, keep)
        self._leases.add(mine.token)
        task = asyncio.create_task(self._execute(mine, recorder, execute))  # noqa: TID251  # `running` waits for it
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.wait((recorder.outcome,))
        except asyncio.CancelledError:
            if around.left and self._left < LEFT_BEHIND:
                # Whoever lost its connection comes back and asks.
                self._left += 1
                task.add_done_callback(self._over)
            else:
                task.cancel()
                await asyncio.wait((task,))
            raise
        outcome, error = recorder.outcome.result()
        await (outcome.answer(reply) if error is None else reply.error(error))

    def _over(self, _task: asyncio.Task[None]) -> None:
        self._left -= 1

    async def _execute(self, mine: Record, recorder: Recorder, execute: Execute) -> None:
        try:
            await execute(recorder)
        finally:
            await recorder.lost()
            self._leases.discard(mine.token)

    async def _keep(
        self, mine: Record, place: str, seconds: float, outcome: Outcome, error: RpcError[Any] | None
    ) -> None:
        try:
            if isinstance(error, InvalidArgument | RateLimited):
                # It was not executed, and may be.
                await self._store.delete(place)
                return
            if outcome.kind == "value" and max(map(len, outcome.parts)) > KEPT_BYTES:
                outcome = Outcome("large")
            await self._store.set(place, mine._replace(outcome=outcome).pack(), ttl_seconds=seconds)
        except BrokerError:
            log.warning("! what came of a call could not be kept; a retry of it is told that nobody knows")

    async def _outcome(self, place: str, stored: bytes | None, seconds: float) -> Outcome | None:
        """Wait for it. None when the call turned out not to have been executed."""
        pause = 0.02
        while stored is not None:
            record = read_record(stored)
            if record.outcome is not None:
                return record.outcome
            if await self._store.get(_lease(record.token)) is None:
                lost = record._replace(outcome=UNKNOWN).pack()
                # Unless it came to its end between the two.
                await self._store.replace(place, stored, lost, ttl_seconds=seconds)
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 0.5)
            stored = await self._store.get(place)
        return None

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self.lease_seconds / 3)
            try:
                await self._store.touch(
                    [_lease(token) for token in self._leases], ttl_seconds=self.lease_seconds
                )
            except BrokerError:
                # The next round does it, if it comes in time.
                continue


def _place(procedure: Procedure, call: Call) -> str:
    key = call.key or ""
    least = SECRET_CHARACTERS if call.identity is None else 1
    if not least <= len(key) <= KEY_CHARACTERS:
        message = f"A key has {least} to {KEY_CHARACTERS} characters here"
        raise InvalidArgument([{"type": "idempotency_key", "loc": ("idempotency_key",), "msg": message}])
    who = "" if call.identity is None else f"user:{call.identity.id}"
    text = msgpack.packb([who, procedure.name, key])
    return f"call:{hashlib.sha256(text).hexdigest()}"


def _fingerprint(values: Values) -> bytes:
    return hashlib.sha256(repr(sorted(values.items())).encode("utf-8", "backslashreplace")).digest()[:16]


def _lease(token: str) -> str:
    return f"executing:{token}"
