"""`dedupe="10m"`: a call with a key is executed once, and whoever sends it again gets what came of it (docs/retries.md).

The first one claims the key in the store, executes the call in a task that outlives its connection, and writes the outcome down. Others
wait for that. When its worker is gone without an outcome nobody knows what was done, and that is what they are told.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import msgpack

from fusewire.broker import BrokerError, Store
from fusewire.calls.claims import Claim, Claims
from fusewire.calls.fingerprint import fingerprint
from fusewire.calls.outcome import KEPT_BYTES, Outcome, Recorder, Replies
from fusewire.errors import InvalidArgument, Unavailable
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


class Deduplication(Claims):
    """`drain_seconds`: how long calls without a connection may go on when the worker stops."""

    def __init__(self, store: Store, *, drain_seconds: float = 0.0, lease_seconds: float = 15.0) -> None:
        super().__init__(store, lease_seconds=lease_seconds)
        self._drain_seconds = drain_seconds
        self._draining_since: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped: set[asyncio.Task[None]] = set()
        self._left = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """At its end calls may finish; what outlives `drain_seconds` is cancelled, and that is written down."""
        async with self.keeping():
            try:
                yield
            finally:
                await self._finish()

    def drain(self) -> None:
        """The worker is stopping: from now on the time counts."""
        if self._draining_since is None:
            self._draining_since = time.monotonic()

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
        arguments = fingerprint(procedure, values)
        try:
            while not isinstance(taken := await self.take(place, arguments, procedure.dedupe_seconds), Claim):
                outcome = await self.outcome(place, taken, arguments, procedure.dedupe_seconds)
                if outcome is not None:
                    await outcome.answer(reply)
                    return
        except BrokerError as error:
            raise Unavailable(message="Not started: what became of the key could not be looked up") from error
        await self._first(taken, procedure, call, around, reply, execute)

    async def _first(
        self,
        claim: Claim,
        procedure: Procedure,
        call: Call,
        around: Surroundings,
        reply: Replies,
        execute: Execute,
    ) -> None:
        recorder = Recorder(procedure, partial(self._keep, claim))
        task = asyncio.create_task(self._execute(recorder, execute))  # noqa: TID251  # `running` waits for it
        self._tasks.add(task)
        task.add_done_callback(self._over)
        try:
            await asyncio.wait((recorder.outcome,))
        except asyncio.CancelledError:
            if around.left and self._left < LEFT_BEHIND:
                # Whoever lost its connection comes back and asks.
                self._leave(task, call.remaining_seconds)
            else:
                self._stop(task)
                await asyncio.wait((task,))
            raise
        outcome, error = recorder.outcome.result()
        await (outcome.answer(reply) if error is None else reply.error(error))

    def _leave(self, task: asyncio.Task[None], seconds: float | None) -> None:
        """It goes on without its connection, which kept its deadline."""
        timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._stop, task)
        self._left += 1

        def over(_: asyncio.Task[None]) -> None:
            self._left -= 1
            if timer is not None:
                timer.cancel()

        task.add_done_callback(over)

    def _stop(self, task: asyncio.Task[None]) -> None:
        # Once: a second cancellation would interrupt its clean-up.
        if task not in self._stopped and not task.done():
            self._stopped.add(task)
            task.cancel()

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._stopped.discard(task)

    async def _finish(self) -> None:
        self.drain()
        assert self._draining_since is not None
        seconds = self._draining_since + self._drain_seconds - time.monotonic()
        if self._tasks and seconds > 0:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in tuple(self._tasks):
            self._stop(task)
        if self._tasks:
            await asyncio.wait(self._tasks)
        # The app may run again.
        self._draining_since = None

    async def _execute(self, recorder: Recorder, execute: Execute) -> None:
        try:
            await execute(recorder)
        finally:
            await recorder.lost()

    async def _keep(self, claim: Claim, outcome: Outcome | None) -> None:
        try:
            if outcome is None:
                await self.drop(claim)
                return
            if outcome.kind == "value" and max(map(len, outcome.parts)) > KEPT_BYTES:
                outcome = Outcome("large")
            await self.keep(claim, outcome)
        except BrokerError:
            log.warning("! what came of a call could not be kept; a retry of it is told that nobody knows")
        finally:
            # Not later: its time begins, though background tasks may go on.
            self.let_go(claim)


def _place(procedure: Procedure, call: Call) -> str:
    key = call.key or ""
    least = SECRET_CHARACTERS if call.identity is None else 1
    if not least <= len(key) <= KEY_CHARACTERS:
        message = f"A key has {least} to {KEY_CHARACTERS} characters here"
        raise InvalidArgument([{"type": "idempotency_key", "loc": ("idempotency_key",), "msg": message}])
    who = "" if call.identity is None else f"user:{call.identity.id}"
    text = msgpack.packb([who, procedure.name, key])
    return f"call:{hashlib.sha256(text).hexdigest()}"
