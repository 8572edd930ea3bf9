"""Reading: a task takes frames and acts on them. It also begins each call, and a call that waits keeps it (docs/adr/0005)."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from types import coroutine
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from fusewire.transports.services import Services
from fusewire.transports.websocket.calls import Calls
from fusewire.transports.websocket.reply import InFlight
from fusewire.wire import messages as m
from fusewire.wire.machine import Close, Incoming, Refused, Reply, Uploaded

MESSAGES_PER_TURN = 64
"""How many messages are acted on before other connections get their turn."""
TURN_SECONDS = 0.01
"""How long one frame may be acted on before other connections get their turn."""


_BEGINNING = (m.Call, m.Resume)


class _Steps:
    """A generator as a task takes it: since Python 3.12 asyncio knows those of `types.coroutine` no longer."""

    __slots__ = ("close", "send", "throw")

    def __init__(self, steps: Generator[Any, Any, None]) -> None:
        self.send, self.throw, self.close = steps.send, steps.throw, steps.close

    def __await__(self) -> Generator[Any, Any, None]:
        raise RuntimeError("a task's own steps are not waited for")


def _as_coroutine(steps: Generator[Any, Any, None]) -> Coroutine[Any, Any, None]:
    return _Steps(steps) if sys.version_info >= (3, 12) else steps  # type: ignore[return-value]  # has what one needs


class Reader(Calls):
    """`_lead` sets one task reading. While it is at work (`_leading`) what is sent waits to leave together."""

    __slots__ = ("_inbox", "_leader", "_receive", "_turn")

    def __init__(self, scope: Scope, receive: Receive, send: Send, services: Services) -> None:
        super().__init__(scope, send, services)
        self._receive: Callable[[], Coroutine[Any, Any, Message]] = receive  # type: ignore[assignment]  # what ASGI servers write
        self._inbox: Iterator[Incoming] = iter(())
        self._leader: asyncio.Task[None] | None = None
        self._turn = 0

    def _lead(self) -> None:
        self._leading = False
        # Not among `_tasks`: an idle connection has this one task, and no set of them.
        self._leader = asyncio.create_task(_as_coroutine(self._read()))  # noqa: TID251  # `_stop_reading` waits for it

    @coroutine
    def _read(self) -> Generator[Any, Any, None]:  # noqa: C901  # one coroutine for all of it
        """One coroutine for all of it, receiving included: what it calls would lie in memory as long as the connection is idle."""
        event: Incoming | None
        try:
            while True:
                for event in self._inbox:
                    self._turn += 1
                    if self._turn > MESSAGES_PER_TURN or time.monotonic() - self._heard > TURN_SECONDS:
                        self._pause()
                        yield
                        self._heard = time.monotonic()
                    self._leading = True
                    if not isinstance(event, _BEGINNING):
                        self._act(event)
                    elif (call := self._new(event)) is not None:
                        yield from self._perform(call)
                        if call.running.task is not None:
                            # The call kept this task. Somebody else reads by now, and goes on in the inbox where this one was.
                            return
                # An idle connection holds no message that it is done with.
                event = call = received = None
                receiving = self._receive()
                try:
                    waits_for = receiving.send(None)
                    # What was answered until now leaves together.
                    self._pause()
                    while True:
                        try:
                            sent = yield waits_for
                        except BaseException as error:  # noqa: BLE001  # whatever is thrown into the task is the receiver's first
                            waits_for = receiving.throw(error)
                        else:
                            waits_for = receiving.send(sent)
                except StopIteration as there:
                    received = there.value
                if not self._take(received):
                    return
        except asyncio.CancelledError:
            # By a call that never waited and cancelled the task that it ran in: its own affair, reading goes on.
            if self._leader is asyncio.current_task() and not self.ended.done():
                self._lead()
            raise
        except Exception as error:  # noqa: BLE001  # a fault of ours must not leave a connection that nobody reads
            self._fail(error)

    def _take(self, received: Message) -> bool:
        if received["type"] == "websocket.disconnect":
            self.lost()
            return False
        self._heard = time.monotonic()
        frame = received.get("bytes")
        self._inbox = iter(self._machine.receive(received.get("text", "") if frame is None else frame))
        return True

    def _pause(self) -> None:
        """The reader is about to wait."""
        self._turn = 0
        self._leading = False
        self.outbox.flush()

    def keep(self, call: InFlight) -> None:
        super().keep(call)
        if self._leading:
            assert call.running.task is not None
            self._own(call.running.task)
            self._pause()
            self._lead()

    def _act(self, event: Incoming) -> None:
        match event:
            case Reply(data):
                self.send(data)
            case Close(code):
                self.shut(code)
            case Uploaded() | Refused():
                self._feed(event)
            case m.Cancel(call_id):
                self._cancel(call_id)
            case m.Credit():
                self._grant(event)
            case m.End(call_id):
                self._end_upload(call_id)
            case _:
                # A pong: that something was heard is all it says.
                pass

    async def _stop_reading(self) -> None:
        self._inbox = iter(())
        if self._leader is not None and not self._leader.done():
            self._leader.cancel()
            await asyncio.wait((self._leader,))
