"""One accepted WebSocket: the shell around `ServerMachine`. It owns every task that the connection starts."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic_core import to_jsonable_python
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from fusewire.calls import credentials_of, identify, shown_data
from fusewire.errors import (
    Cancelled,
    RegistrationError,
    RpcError,
    TooManyCalls,
    Unauthenticated,
    Unavailable,
    UnknownProcedure,
)
from fusewire.identity import Identity
from fusewire.procedures.arguments import bind
from fusewire.procedures.call import Call
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.resolve import Surroundings
from fusewire.transports.services import Services
from fusewire.transports.websocket.credit import Credit
from fusewire.transports.websocket.handshake import with_token
from fusewire.transports.websocket.outbox import Outbox
from fusewire.transports.websocket.reply import SocketReply
from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode
from fusewire.wire.codec import Received, pack, write
from fusewire.wire.machine import Close, Incoming, Reply, ServerMachine, State
from fusewire.wire.messages import Packed

log = logging.getLogger("fusewire.websocket")

FLUSH_SECONDS = 5.0
"""How long a closing connection may take to write what is queued."""


class Connection:
    """`run()` returns when the socket is closed and every call of it has ended."""

    def __init__(self, socket: WebSocket, services: Services) -> None:
        bounds = services.bounds
        self.session_id = secrets.token_urlsafe(16)
        self._socket = socket
        self._services = services
        self._machine = ServerMachine(
            services.sizes,
            frame_bytes=bounds.frame_bytes,
            frame_messages=bounds.frame_messages,
            held_bytes=bounds.held_bytes,
            malformed=bounds.malformed_messages,
        )
        self._outbox = Outbox(socket.send_bytes, bound=bounds.outgoing_bytes, frame_bytes=bounds.frame_bytes)
        self._tasks = asyncio.TaskGroup()
        self._owned: set[asyncio.Task[None]] = set()
        self._tails: set[asyncio.Task[Any]] = set()
        self._refreshing = asyncio.Lock()
        self._refreshes = 0
        self._expiry: asyncio.TimerHandle | None = None
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._credits: dict[int, Credit] = {}
        self._connection: HTTPConnection = socket
        self._identity: Identity | None = None
        self._timeout_ms: int | None = None
        self._heard = time.monotonic()
        self._close: CloseCode | None = None
        self._closing = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Connection {self.session_id[:6]}… {self._machine.state.name} calls={len(self._calls)}>"

    async def run(self) -> None:
        try:
            async with self._tasks:
                reader = self._spawn(self._read())
                writer = self._spawn(self._write())
                self._spawn(self._watch_time())
                await self._closing.wait()
                self._machine.close()
                for task in self._owned - {reader, writer} - self._tails:
                    _stop(task)
                await self._services.hub.detach(self)
                self._outbox.finish()
                await asyncio.wait(
                    (writer,), timeout=FLUSH_SECONDS if self._close is not CloseCode.SLOW else 0
                )
                writer.cancel()
                await self._say_close()
                reader.cancel()
        finally:
            # Once more: a hello under way may have attached meanwhile.
            if self._expiry is not None:
                self._expiry.cancel()
            await self._services.hub.detach(self)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        self._owned.add(task)
        task.add_done_callback(self._owned.discard)
        return task

    def push(self, message: bytes) -> None:
        """Queue an event for this peer. There is no waiting for a peer that does not read: it is closed as slow."""
        if self._outbox.fits(message):
            self._send(message)
        else:
            self._shut(CloseCode.SLOW)

    # What comes in

    async def _read(self) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                self._closing.set()
                return
            self._heard = time.monotonic()
            frame = received.get("bytes")
            for event in self._machine.receive(received.get("text", "") if frame is None else frame):
                self._act(event)

    def _act(self, event: Incoming) -> None:
        match event:
            case Reply(data):
                self._send(data)
            case Close(code):
                self._shut(code)
            case m.Hello():
                self._spawn(self._open(event))
            case Received(m.Call() as call):
                self._start(call)
            case Received(m.Cancel(id=call_id)):
                if task := self._calls.get(call_id):
                    _stop(task)
            case Received(m.Credit(id=call_id, items=items, bytes=size)):
                if credit := self._credits.get(call_id):
                    credit.grant(items, size)
            case Received(m.Refresh() as refresh) if self._refreshes > self._services.bounds.refreshes:
                self._refuse(refresh.id, TooManyCalls(message="Too many changes of identity at once"))
            case Received(m.Refresh() as refresh):
                self._refreshes += 1
                self._spawn(self._refresh(refresh))
            case Received():
                # A pong: that something was heard is all it says.
                pass

    # Identity

    async def _open(self, hello: m.Hello) -> None:
        try:
            await self._take_identity(hello.credentials or {})
        except RpcError as error:
            self._send(write(self._error(None, error)))
            self._shut(
                CloseCode.UNAUTHENTICATED if isinstance(error, Unauthenticated) else CloseCode.GOING_AWAY
            )
            return
        if self._closing.is_set():
            return
        topics = [f"user:{self._identity.id}"] if self._identity is not None else []
        await self._services.hub.attach(self, topics)
        self._timeout_ms = hello.timeout_ms
        same = hello.calls is not None and hello.calls == self._calls_hash()
        data, held = self._machine.welcome(m.Welcome(self.session_id, same, self._limits()))
        self._send(data)
        for event in held:
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
            # One at a time and in order: the last one sent is the one that holds.
            async with self._refreshing:
                before = self._identity
                await self._take_identity(refresh.credentials or {})
                old, new = (f"user:{who.id}" if who is not None else None for who in (before, self._identity))
                await self._services.hub.move(self, old=old, new=new)
        except RpcError as error:
            self._send(self._machine.settle(self._error(refresh.id, error)))
            if isinstance(error, Unauthenticated):
                self._shut(CloseCode.UNAUTHENTICATED)
        else:
            self._send(self._machine.settle(m.Result(refresh.id, pack(None))))
        finally:
            self._refreshes -= 1

    async def _take_identity(self, payload: dict[str, Any]) -> None:
        credentials = credentials_of(self._socket, payload, "websocket")
        try:
            async with asyncio.timeout(self._services.bounds.identify_seconds):
                self._identity = await identify(self._services.loader, credentials)
        except TimeoutError as error:
            raise Unavailable(message="The identity could not be loaded in time") from error
        self._expire_at(self._identity.expires_at if self._identity is not None else None)
        self._connection = with_token(self._socket, credentials.token)

    def _expire_at(self, moment: datetime | None) -> None:
        """With its identity a connection ends: its streams and events were that identity's too."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if moment is not None:
            left = max(0.0, (moment - datetime.now(UTC)).total_seconds())
            self._expiry = asyncio.get_running_loop().call_later(left, self._shut, CloseCode.IDENTITY_EXPIRED)

    def _limits(self) -> dict[str, int]:
        bounds = self._services.bounds
        return {
            "heartbeat_ms": int(bounds.heartbeat_seconds * 1000),
            "max_message_bytes": bounds.message_bytes,
            "max_frame_bytes": bounds.frame_bytes,
            "max_calls": bounds.calls,
            "max_streams": bounds.streams,
            "stream_items": bounds.stream_items,
            "stream_bytes": bounds.stream_bytes,
        }

    # Calls

    def _start(self, message: m.Call) -> None:
        procedure = self._services.registry.find(message.name, "websocket")
        if procedure is None:
            self._refuse(message.id, UnknownProcedure(message.name))
        elif self._is_full(procedure):
            self._refuse(message.id, TooManyCalls(message="Too many in flight; this one was not started"))
        else:
            bounds = self._services.bounds
            if procedure.streams:
                self._credits[message.id] = Credit(bounds.stream_items, bounds.stream_bytes)
            task = self._calls[message.id] = self._spawn(self._run(message, procedure))
            task.add_done_callback(partial(self._ended, message.id))

    def _is_full(self, procedure: Procedure) -> bool:
        streams = len(self._credits)
        if procedure.streams:
            return streams >= self._services.bounds.streams
        return len(self._calls) - streams >= self._services.bounds.calls

    def _refuse(self, call_id: int, error: RpcError[Any]) -> None:
        self._send(self._machine.settle(self._error(call_id, error)))

    async def _run(self, message: m.Call, procedure: Procedure) -> None:
        # What is settled and still at work (clean-up, background tasks, threads) is bounded too: the next call waits for it.
        while len(self._tails) >= self._services.bounds.calls:
            await asyncio.wait(self._tails, return_when=asyncio.FIRST_COMPLETED)
        try:
            await self._call(message, procedure)
        except RpcError as error:
            self._settle(self._error(message.id, error))

    def _ended(self, call_id: int, task: asyncio.Task[None]) -> None:
        # Here and not in the task: one that is cancelled before its first step never runs. And once settled, the id may be another's.
        self._tails.discard(task)
        if self._calls.get(call_id) is task:
            self._settle(self._error(call_id, Cancelled(message="The call was cancelled")))
            self._tails.discard(task)

    async def _call(self, message: m.Call, procedure: Procedure) -> None:
        call = Call(
            id=f"{self.session_id}.{message.id}",
            procedure=procedure.name,
            transport="websocket",
            identity=self._identity,
            client_ip=self._socket.client.host if self._socket.client else None,
            session_id=self.session_id,
            headers=self._connection.headers,
            deadline=self._deadline(message, procedure),
            hub=self._services.hub,
        )

        async def values() -> dict[str, Any]:
            return bind(procedure, message.args, message.kwargs)

        reply = SocketReply(
            message.id,
            procedure,
            credit=self._credits.get(message.id) or Credit(1, 1),
            settle=self._settle,
            send=self._send,
            room=self._outbox.room,
            most=self._services.bounds.result_bytes,
        )
        try:
            await self._services.pipeline.run(procedure, call, Surroundings(values, self._connection), reply)
        finally:
            for thread in call.threads:
                self._tails.add(thread)
                thread.add_done_callback(self._tails.discard)

    def _deadline(self, message: m.Call, procedure: Procedure) -> float | None:
        wanted = message.timeout_ms
        if wanted is None and not procedure.streams:
            wanted = self._timeout_ms
        seconds = [s for s in (wanted / 1000 if wanted else None, procedure.options.timeout) if s is not None]
        return time.monotonic() + min(seconds) if seconds else None

    # What goes out

    def _settle(self, message: m.Result | m.End | m.Error) -> None:
        # Out of the tables before the last message is sent: its answer may be a call with the same id.
        if message.id in self._machine.in_flight:
            if task := self._calls.pop(message.id, None):
                # What comes after the answer is the app's own work: it runs to its end, connection or not.
                self._tails.add(task)
            self._credits.pop(message.id, None)
            self._send(self._machine.settle(message))

    def _send(self, data: bytes) -> None:
        if not self._closing.is_set():
            self._outbox.put(data)

    def _error(self, call_id: int | None, error: RpcError[Any]) -> m.Error:
        data = shown_data(error)
        return m.Error(
            call_id,
            error.status,
            error.code,
            Packed(pack(error.detail, to_jsonable_python)),
            None if data is None else Packed(pack(data, to_jsonable_python)),
            error.id,
        )

    async def _write(self) -> None:
        try:
            await self._outbox.run()
        except (WebSocketDisconnect, RuntimeError, OSError):
            # The socket is gone in the middle of a write; the reader is told the same.
            self._closing.set()

    async def _watch_time(self) -> None:
        bounds = self._services.bounds
        await asyncio.sleep(bounds.hello_seconds)
        if self._machine.state is State.OPENING:
            self._shut(CloseCode.HELLO_TIMEOUT)
        while True:
            await asyncio.sleep(bounds.heartbeat_seconds)
            if time.monotonic() - self._heard > 2 * bounds.heartbeat_seconds:
                self._shut(CloseCode.HEARTBEAT)
            self._send(write(m.Ping()))

    def _shut(self, code: CloseCode) -> None:
        if not self._closing.is_set():
            self._close = code
            self._closing.set()

    async def _say_close(self) -> None:
        if self._close is None:
            return
        try:
            async with asyncio.timeout(1):
                await self._socket.close(int(self._close), self._close.reason)
        except (TimeoutError, RuntimeError, OSError):
            # The peer was faster, or does not read; the server ends the socket when this connection returns.
            return


def _stop(task: asyncio.Task[Any]) -> None:
    # Once: a second cancellation would interrupt the clean-up that the first one started.
    if not task.cancelling():
        task.cancel()
