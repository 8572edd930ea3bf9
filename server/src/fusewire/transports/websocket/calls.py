"""The calls of one connection: how many there may be, how each begins, and what its end frees."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from starlette.types import Scope, Send

from fusewire.calls import Running
from fusewire.errors import (
    Cancelled,
    DeadlineExceeded,
    Malformed,
    RpcError,
    TooLarge,
    TooManyCalls,
    Unavailable,
    UnknownProcedure,
)
from fusewire.procedures.arguments import bind
from fusewire.procedures.call import Call
from fusewire.procedures.procedure import Procedure
from fusewire.streams import Arguments, Reading
from fusewire.transports.services import Services
from fusewire.transports.websocket.followed import FORM, Find, FollowedCall, PackedForm
from fusewire.transports.websocket.line import NOTHING, Line
from fusewire.transports.websocket.reply import InFlight, SocketCall, error_message
from fusewire.transports.websocket.who import Who
from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode
from fusewire.wire.codec import write
from fusewire.wire.machine import Refused, ServerMachine, Uploaded

LINGER_SECONDS = 1.0
"""How long a drained connection stays open for its peer to leave first: calls that cross with goaway are answered, not lost."""

FULL = "Too many in flight; this one was not started"

Begin = Callable[[], Coroutine[Any, Any, None]]


class Calls(Line):
    """A call that waits is in `_calls` until it is settled, and in `_tails` while it is at work after that."""

    __slots__ = (
        "_draining",
        "_heard",
        "_machine",
        "_procedures",
        "_streams",
        "_tails",
        "_timeout_ms",
        "_who",
    )

    def __init__(self, scope: Scope, send: Send, services: Services) -> None:
        super().__init__(send, services)
        bounds = services.bounds
        self._who = Who(scope, services, self)
        self._procedures = services.registry.on_websocket
        self._machine = ServerMachine(
            services.sizes,
            frame_bytes=bounds.frame_bytes,
            frame_messages=bounds.frame_messages,
            held_bytes=bounds.held_bytes,
            malformed=bounds.malformed_messages,
        )
        self._streams = 0
        self._tails: set[asyncio.Task[Any]] = NOTHING
        self._timeout_ms: int | None = None
        self._draining = False
        # When the peer was last heard.
        self._heard = time.monotonic()

    # Beginning

    def _new(self, message: m.Call | m.Resume) -> InFlight | None:
        """Everything about a call but its running. None when it is refused."""
        if isinstance(message, m.Resume):
            return self._again(message)
        procedure = self._procedures.get(message.name)
        if procedure is None:
            self._refuse(message.id, UnknownProcedure(message.name))
            return None
        if self._draining:
            self._refuse(message.id, Unavailable())
            return None
        if self._is_full(procedure.streams):
            self._refuse(message.id, TooManyCalls(message=FULL))
            return None
        seconds = self._seconds(message, procedure)
        who = self._who
        deadline = None if seconds is None else self._heard + seconds
        info = Call(message.id, procedure.name, who.caller, who.identity, deadline, message.key)
        if procedure.resume_seconds is not None:
            return self._followed(message.id, partial(self._start, message, procedure, info, seconds))
        call = SocketCall(message, procedure, info, self)
        begin: Begin = call.begin
        if procedure.leaves_threads:
            begin = partial(self._keeping_threads, begin, info)
        if len(self._tails) >= self.bounds.calls:
            begin = partial(self._after_tails, begin)
        call.running = Running(begin, call.waits, seconds)
        return call

    def _again(self, message: m.Resume) -> FollowedCall | None:
        """A stream goes on. Of which procedure it is, its journal tells."""
        if self._draining:
            self._refuse(message.id, Unavailable())
            return None
        if self._is_full(True):
            self._refuse(message.id, TooManyCalls(message=FULL))
            return None
        resume, identity = self.services.streams.resume, self._who.identity
        find = partial(resume, message.stream, identity, FORM, message.position, message.procedure)
        return self._followed(message.id, find)

    def _followed(self, call_id: int, find: Find) -> FollowedCall:
        call = FollowedCall(call_id, find, self)
        begin: Begin = call.begin
        if len(self._tails) >= self.bounds.calls:
            begin = partial(self._after_tails, begin)
        # Its deadline is the generator's, and not of whoever reads.
        call.running = Running(begin, call.waits, None)
        return call

    def _start(
        self, message: m.Call, procedure: Procedure, info: Call, seconds: float | None
    ) -> Awaitable[Reading]:
        form = PackedForm(procedure, self.bounds.result_bytes)
        around = Arguments(partial(bind, procedure, message.args, message.kwargs), info.connection)
        return self.services.streams.start(
            procedure,
            info,
            form,
            lambda reply: self.pipeline.run(procedure, info, around, reply),
            deadline_seconds=seconds,
        )

    def _is_full(self, streams: bool) -> bool:
        if streams:
            return self._streams >= self.bounds.streams
        return len(self._calls) - self._streams >= self.bounds.calls

    def _refuse(self, call_id: int, error: RpcError[Any]) -> None:
        self.send(self._machine.settle(error_message(call_id, error)))

    def _seconds(self, message: m.Call, procedure: Procedure) -> float | None:
        wanted = message.timeout_ms
        if wanted is None and not procedure.streams:
            wanted = self._timeout_ms
        own = procedure.options.timeout
        if not wanted:
            return own
        return wanted / 1000 if own is None else min(wanted / 1000, own)

    def _begin_held(self, message: m.Call | m.Resume) -> None:
        """A call that came before welcome: nobody reads in this task, so it gets one of its own."""
        if (call := self._new(message)) is not None:
            self._register(call)
            task = call.running.task = self.spawn(self._perform(call))
            # Here and not in the task: one that is cancelled before its first step never runs.
            task.add_done_callback(lambda _: self._stopped(call))

    async def _perform(self, call: InFlight) -> None:
        try:
            await call.running
        except asyncio.CancelledError:
            self._stopped(call)
            raise
        finally:
            if (task := call.running.task) is not None:
                self._over(task)

    # Under way

    def keep(self, call: InFlight) -> None:
        """The call waits for something: from now on it can be cancelled, and the task that began it is its own."""
        assert call.running.task is not None
        if not call.done:
            self._register(call)
        else:
            # It answered at once; what waits is what comes after the answer.
            call.running.disarm()
            self._trail(call.running.task)

    def _register(self, call: InFlight) -> None:
        if call.id not in self._calls:
            self._calls[call.id] = call
            self._streams += call.streams

    async def _keeping_threads(self, begin: Begin, info: Call) -> None:
        """What is left at work in threads counts until it is over."""
        try:
            await begin()
        finally:
            for thread in info.threads:
                self._trail(thread)
                thread.add_done_callback(self._over)

    def _trail(self, task: asyncio.Task[Any]) -> None:
        if self._tails is NOTHING:
            self._tails = set()
        self._tails.add(task)

    def _over(self, task: asyncio.Task[Any]) -> None:
        if self._tails is not NOTHING:
            self._tails.discard(task)
            if not self._tails:
                self._tails = NOTHING

    async def _after_tails(self, begin: Begin) -> None:
        # What is settled and still at work (clean-up, background tasks, threads) is bounded too: the next call waits for it.
        while len(self._tails) >= self.bounds.calls:
            await asyncio.wait(self._tails, return_when=asyncio.FIRST_COMPLETED)
        await begin()

    def _feed(self, item: Uploaded | Refused) -> None:
        call = self._calls.get(item.id)
        if call is None:
            return
        if isinstance(item, Refused):
            self._break(call, (TooLarge if item.code == TooLarge.code else Malformed)(message=item.detail))
        elif call.upload is None or call.upload.ended:
            self._break(call, Malformed(message="An item that nobody asked for"))
        elif not call.upload.feed(item.value, item.size):
            self._break(call, TooLarge(message="More items than there was credit for"))

    def _end_upload(self, call_id: int) -> None:
        call = self._calls.get(call_id)
        if call is None:
            return
        if call.upload is None or call.upload.ended:
            self._break(call, Malformed(message="The end of an upload that there was not"))
        else:
            call.upload.end()

    def _grant(self, credit: m.Credit) -> None:
        call = self._calls.get(credit.id)
        if call is not None and call.credit is not None:
            call.credit.grant(credit.items, credit.bytes)

    def _cancel(self, call_id: int) -> None:
        if call := self._calls.get(call_id):
            call.cancel()

    # Ending

    def settle(self, call: InFlight, data: bytes) -> None:
        """Send the last message of a call; its id is free from here on."""
        # Out of the tables before the last message is sent: its answer may be a call with the same id.
        call.done = True
        self._machine.in_flight.discard(call.id)
        if (task := call.running.task) is not None:
            call.running.disarm()
            if self._calls.pop(call.id, None) is not None:
                self._streams -= call.streams
            # What comes after the answer is the app's own work: it runs to its end, connection or not.
            self._trail(task)
        if self._leading:
            self.outbox.put(data)
        else:
            self.send(data)
        if self._draining and not self._calls:
            self._after(LINGER_SECONDS, self._go_away)

    def drain(self) -> None:
        """The server is stopping: calls under way may finish, new ones are not started. The connection ends by itself."""
        if self._draining or self.ended.done():
            return
        self._draining = True
        self.services.drain()
        self.send(self._farewell())
        self._after(self.services.drain_seconds if self._calls else LINGER_SECONDS, self._go_away)

    def _farewell(self) -> bytes:
        return write(m.GoAway(int(self.services.drain_seconds * 1000)))

    def _go_away(self) -> None:
        self.shut(CloseCode.GOING_AWAY)

    def _break(self, call: InFlight, error: RpcError[Any]) -> None:
        call.fail(error)
        call.running.stop()

    def _stopped(self, call: InFlight) -> None:
        if call.running.expired:
            call.fail(DeadlineExceeded(message="The call's deadline passed"))
        else:
            call.fail(Cancelled(message="The call was cancelled"))

    def _stop_calls(self) -> None:
        for call in self._calls.values():
            call.running.stop()
