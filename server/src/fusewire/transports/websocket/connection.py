"""One accepted WebSocket: the shell around `ServerMachine`. It owns every task that the connection starts.

The task that reads also begins each call (calls/running.py). A call that waits keeps that task, and a new one goes on reading.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from fusewire.calls import Running
from fusewire.calls.running import resumed
from fusewire.errors import (
    Cancelled,
    DeadlineExceeded,
    Malformed,
    RegistrationError,
    RpcError,
    TooLarge,
    TooManyCalls,
    Unauthenticated,
    Unavailable,
    UnknownProcedure,
)
from fusewire.procedures.call import Call
from fusewire.procedures.procedure import Procedure
from fusewire.transports.services import Services
from fusewire.transports.websocket.outbox import Outbox
from fusewire.transports.websocket.reply import SocketCall, error_message
from fusewire.transports.websocket.who import Who
from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode
from fusewire.wire.codec import pack, write
from fusewire.wire.machine import Close, Incoming, Refused, Reply, ServerMachine, State, Uploaded

log = logging.getLogger("fusewire.websocket")

FLUSH_SECONDS = 5.0
"""How long a closing connection may take to write what is queued."""
LINGER_SECONDS = 1.0
"""How long a drained connection stays open for its peer to leave first: calls that cross with goaway are answered, not lost."""
MESSAGES_PER_TURN = 64
"""How many messages are acted on before other connections get their turn."""
TURN_SECONDS = 0.01
"""How long one frame may be acted on before other connections get their turn."""

Begin = Callable[[], Coroutine[Any, Any, None]]

_NONE: Any = frozenset()
"""A set of nothing, which an idle connection has instead of one of its own."""


class Connection:
    """`run()` returns when the socket is closed and every call of it has ended."""

    __slots__ = (
        "_calls",
        "_close",
        "_closing",
        "_draining",
        "_flushing",
        "_heard",
        "_helpers",
        "_inbox",
        "_leader",
        "_leading",
        "_machine",
        "_procedures",
        "_receive",
        "_send",
        "_services",
        "_streams",
        "_tails",
        "_tasks",
        "_timeout_ms",
        "_timer",
        "_turn",
        "_who",
        "bounds",
        "outbox",
        "pipeline",
        "session_id",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, services: Services) -> None:
        bounds = services.bounds
        self.bounds = bounds
        self.session_id = secrets.token_urlsafe(16)
        self.outbox = Outbox(
            send,
            bound=bounds.outgoing_bytes,
            frame_bytes=bounds.frame_bytes,
            spawn=self._spawn,
            gone=self._lost,
        )
        self._receive: Callable[[], Coroutine[Any, Any, Message]] = receive  # type: ignore[assignment]  # what ASGI servers write
        self._send = send
        self.pipeline = services.pipeline
        self._services = services
        self._procedures = services.registry.on_websocket
        self._machine = ServerMachine(
            services.sizes,
            frame_bytes=bounds.frame_bytes,
            frame_messages=bounds.frame_messages,
            held_bytes=bounds.held_bytes,
            malformed=bounds.malformed_messages,
        )
        self._who = Who(scope, services, self.session_id, partial(self._shut, CloseCode.IDENTITY_EXPIRED))
        self._tasks = asyncio.TaskGroup()
        self._helpers: set[asyncio.Task[None]] = _NONE
        self._tails: set[asyncio.Task[Any]] = _NONE
        self._inbox: Iterator[Incoming] = iter(())
        self._calls: dict[int, SocketCall] = {}
        self._streams = 0
        self._leader: asyncio.Task[None] | None = None
        self._leading = False
        self._turn = 0
        self._flushing = False
        self._draining = False
        self._timeout_ms: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = time.monotonic()
        self._close: CloseCode | None = None
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"<Connection {self.session_id[:6]}… {self._machine.state.name} calls={len(self._calls)}>"

    async def run(self) -> None:
        try:
            async with self._tasks:
                self._lead()
                self._after(self.bounds.hello_seconds, self._await_hello)
                try:
                    await self._closing
                finally:
                    self._lost()
                    self._machine.close()
                self._inbox = iter(())
                self._stop_work()
                await self._services.hub.detach(self)
                await self._say_goodbye()
                if self._leader is not None:
                    self._leader.cancel()
        finally:
            # Once more: a hello under way may have attached meanwhile.
            self._who.forget()
            if self._timer is not None:
                self._timer.cancel()
            await self._services.hub.detach(self)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    def _help(self, work: Coroutine[Any, Any, None]) -> None:
        """Something beside the calls, which ends when the connection does."""
        task = self._spawn(work)
        self._helpers = {task, *self._helpers}
        task.add_done_callback(self._helped)

    def _helped(self, task: asyncio.Task[None]) -> None:
        self._helpers = self._helpers - {task} or _NONE

    def _after(self, seconds: float, run: Callable[[], None]) -> None:
        """Set the one timer of the connection: what it waited for before does not count any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, run)

    # Reading

    def _lead(self) -> None:
        self._leading = False
        self._leader = self._spawn(self._read())

    async def _read(self) -> None:
        try:
            while await self._act_on_inbox():
                receiving = self._receive()
                try:
                    waits_for = receiving.send(None)
                except StopIteration as there:
                    goes_on = self._take(there.value)
                else:
                    # What was answered until now leaves together.
                    self._pause()
                    goes_on = self._take(await resumed(receiving, waits_for))
                if not goes_on:
                    return
        except asyncio.CancelledError:
            # By a call that never waited and cancelled the task that it ran in: its own affair, reading goes on.
            if self._leader is asyncio.current_task() and not self._closing.done():
                self._lead()
            raise

    async def _act_on_inbox(self) -> bool:
        """Act on what was received. False when a call kept this task; somebody else reads by now, and goes on where this one was."""
        for event in self._inbox:
            self._turn += 1
            if self._turn > MESSAGES_PER_TURN or time.monotonic() - self._heard > TURN_SECONDS:
                self._pause()
                await asyncio.sleep(0)
                self._heard = time.monotonic()
            self._leading = True
            if type(event) is not m.Call:
                self._act(event)
            elif (call := self._begin(event)) is not None:
                await self._perform(call)
                if call.running.task is not None:
                    return False
        return True

    def _take(self, received: Message) -> bool:
        if received["type"] == "websocket.disconnect":
            self._lost()
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

    def keep(self, call: SocketCall) -> None:
        if not call.done:
            self._register(call)
        elif call.running.task is not None:
            # It answered at once; what waits is what comes after the answer.
            call.running.disarm()
            self._trail(call.running.task)
        if self._leading:
            self._pause()
            self._lead()

    def _register(self, call: SocketCall) -> None:
        if call.id not in self._calls:
            self._calls[call.id] = call
            self._streams += call.streams

    def _act(self, event: Incoming) -> None:
        match event:
            case Reply(data):
                self.send(data)
            case Close(code):
                self._shut(code)
            case Uploaded() | Refused():
                self._feed(event)
            case m.Cancel(call_id):
                if call := self._calls.get(call_id):
                    call.running.stop()
            case m.Credit(call_id, items, size):
                if (call := self._calls.get(call_id)) and call.credit is not None:
                    call.credit.grant(items, size)
            case m.End(call_id):
                self._end_upload(call_id)
            case m.Hello():
                self._help(self._open(event))
            case m.Refresh():
                self._help(self._refresh(event))
            case _:
                # A pong: that something was heard is all it says.
                pass

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

    def _break(self, call: SocketCall, error: RpcError[Any]) -> None:
        call.fail(error)
        call.running.stop()

    # Identity

    async def _open(self, hello: m.Hello) -> None:
        try:
            await self._who.take(hello.credentials or {})
        except RpcError as error:
            self.send(write(error_message(None, error)))
            self._shut(
                CloseCode.UNAUTHENTICATED if isinstance(error, Unauthenticated) else CloseCode.GOING_AWAY
            )
            return
        if self._closing.done():
            return
        topic = self._who.topic
        await self._services.hub.attach(self, [] if topic is None else [topic])
        self._timeout_ms = hello.timeout_ms
        same = hello.calls is not None and hello.calls == self._calls_hash()
        data, held = self._machine.welcome(m.Welcome(self.session_id, same, self._limits()))
        self.send(data)
        if not self._draining:
            self._after(self.bounds.heartbeat_seconds, self._beat)
        for event in held:
            if isinstance(event, m.Call):
                self._begin_held(event)
            else:
                self._act(event)

    def _calls_hash(self) -> str | None:
        try:
            return self._services.calls_hash()
        except RegistrationError:
            # An app without lifespan only learns now that it has no contract; its callers send arguments by name.
            log.exception("! the contract cannot be made")
            return None

    async def _refresh(self, refresh: m.Refresh) -> None:
        try:
            await self._who.refresh(refresh.credentials or {}, partial(self._services.hub.move, self))
        except RpcError as error:
            self.send(self._machine.settle(error_message(refresh.id, error)))
            if isinstance(error, Unauthenticated):
                self._shut(CloseCode.UNAUTHENTICATED)
        else:
            self.send(self._machine.settle(m.Result(refresh.id, pack(None))))

    def _limits(self) -> dict[str, int]:
        bounds = self.bounds
        return {
            "heartbeat_ms": int(bounds.heartbeat_seconds * 1000),
            "max_message_bytes": bounds.message_bytes,
            "max_frame_bytes": self._machine.most_frame_bytes,
            "max_calls": bounds.calls,
            "max_streams": bounds.streams,
            "stream_items": bounds.stream_items,
            "stream_bytes": bounds.stream_bytes,
        }

    # Calls

    def _begin(self, message: m.Call) -> SocketCall | None:
        """Everything about a call but its running. None when it is refused."""
        procedure = self._procedures.get(message.name)
        if procedure is None:
            self._refuse(message.id, UnknownProcedure(message.name))
            return None
        if self._draining:
            self._refuse(message.id, Unavailable())
            return None
        if self._is_full(procedure):
            self._refuse(message.id, TooManyCalls(message="Too many in flight; this one was not started"))
            return None
        seconds = self._seconds(message, procedure)
        who = self._who
        deadline = None if seconds is None else self._heard + seconds
        info = Call(message.id, procedure.name, who.caller, who.identity, deadline)
        call = SocketCall(message, procedure, info, self)
        begin: Begin = call.begin
        if procedure.leaves_threads:
            begin = partial(self._keeping_threads, begin, info)
        if len(self._tails) >= self.bounds.calls:
            begin = partial(self._after_tails, begin)
        call.running = Running(begin, call.waits, seconds)
        return call

    def _is_full(self, procedure: Procedure) -> bool:
        if procedure.streams:
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

    async def _keeping_threads(self, begin: Begin, info: Call) -> None:
        """What is left at work in threads counts until it is over."""
        try:
            await begin()
        finally:
            for thread in info.threads:
                self._trail(thread)
                thread.add_done_callback(self._over)

    def _trail(self, task: asyncio.Task[Any]) -> None:
        if self._tails is _NONE:
            self._tails = set()
        self._tails.add(task)

    def _over(self, task: asyncio.Task[Any]) -> None:
        if self._tails is not _NONE:
            self._tails.discard(task)

    async def _after_tails(self, begin: Begin) -> None:
        # What is settled and still at work (clean-up, background tasks, threads) is bounded too: the next call waits for it.
        while len(self._tails) >= self.bounds.calls:
            await asyncio.wait(self._tails, return_when=asyncio.FIRST_COMPLETED)
        await begin()

    def _begin_held(self, message: m.Call) -> None:
        """A call that came before welcome: nobody reads in this task, so it gets one of its own."""
        if (call := self._begin(message)) is not None:
            self._register(call)
            task = call.running.task = self._spawn(self._perform(call))
            # Here and not in the task: one that is cancelled before its first step never runs.
            task.add_done_callback(lambda _: self._stopped(call))

    async def _perform(self, call: SocketCall) -> None:
        try:
            await call.running
        except asyncio.CancelledError:
            self._stopped(call)
            raise
        finally:
            if (task := call.running.task) is not None:
                self._over(task)

    def _stopped(self, call: SocketCall) -> None:
        if call.running.expired:
            call.fail(DeadlineExceeded(message="The call's deadline passed"))
        else:
            call.fail(Cancelled(message="The call was cancelled"))

    # What goes out

    def settle(self, call: SocketCall, data: bytes) -> None:
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
            self._after(LINGER_SECONDS, partial(self._shut, CloseCode.GOING_AWAY))

    def send(self, data: bytes) -> None:
        """Queue a message. It leaves in this turn of the loop, with what else is ready by then."""
        if self._closing.done():
            return
        self.outbox.put(data)
        if self._leading or self._flushing:
            return
        if self._calls:
            # Others may answer in the same turn. A lone reply waits for nobody.
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)
        else:
            self.outbox.flush()

    def _flush(self) -> None:
        self._flushing = False
        self.outbox.flush()

    def push(self, message: bytes) -> None:
        """Queue an event for this peer. There is no waiting for a peer that does not read: it is closed as slow."""
        if self.outbox.fits(message):
            self.send(message)
        else:
            self._shut(CloseCode.SLOW)

    # Time, and the end

    def _await_hello(self) -> None:
        if self._machine.state is State.OPENING:
            self._shut(CloseCode.HELLO_TIMEOUT)

    def _beat(self) -> None:
        if time.monotonic() - self._heard > 2 * self.bounds.heartbeat_seconds:
            self._shut(CloseCode.HEARTBEAT)
        else:
            self.send(write(m.Ping()))
            self._after(self.bounds.heartbeat_seconds, self._beat)

    def drain(self) -> None:
        """The server is stopping: calls under way may finish, new ones are not started. The connection ends by itself."""
        if self._draining or self._closing.done():
            return
        self._draining = True
        seconds = self._services.drain_seconds
        self.send(write(m.GoAway(int(seconds * 1000))))
        self._after(
            seconds if self._calls else LINGER_SECONDS,
            partial(self._shut, CloseCode.GOING_AWAY),
        )

    def _shut(self, code: CloseCode) -> None:
        if not self._closing.done():
            self._close = code
            self._closing.set_result(None)

    def _lost(self) -> None:
        if not self._closing.done():
            self._closing.set_result(None)

    def _stop_work(self) -> None:
        for call in self._calls.values():
            call.running.stop()
        for helper in self._helpers:
            helper.cancel()

    async def _say_goodbye(self) -> None:
        try:
            if self._close is not None and self._close is not CloseCode.SLOW:
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self.outbox.drain()
            self.outbox.abandon()
            if self._close is not None:
                async with asyncio.timeout(1):
                    await self._send(
                        {"type": "websocket.close", "code": int(self._close), "reason": self._close.reason}
                    )
        except (TimeoutError, RuntimeError, OSError):
            # The peer was faster, or does not read; the server ends the socket when this connection returns.
            self.outbox.abandon()
