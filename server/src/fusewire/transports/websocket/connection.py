"""One accepted WebSocket: the shell around `ServerMachine`, from hello to close. It owns every task that it starts.

What leaves it is told in line.py, what its calls may do in calls.py, how it is read in reader.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send

from fusewire.errors import RpcError, Unauthenticated
from fusewire.hub.hub import NOWHERE
from fusewire.hub.topics import user_topic
from fusewire.transports.services import Services
from fusewire.transports.websocket.beats import Beats
from fusewire.transports.websocket.reader import Reader
from fusewire.transports.websocket.reply import error_message
from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode
from fusewire.wire.codec import pack, write
from fusewire.wire.machine import Incoming, State


class Connection(Reader):
    """`begin()`, wait for `ended`, `finish()`: then every call of it is over, and the socket is closed."""

    __slots__ = ("_beat_place", "_beats", "_helpers", "session_id")

    def __init__(self, scope: Scope, receive: Receive, send: Send, services: Services, beats: Beats) -> None:
        super().__init__(scope, receive, send, services)
        self.session_id = ""
        self._beats = beats
        self._beat_place: int | None = None
        # What hello and refresh started, and the end of the connection stops.
        self._helpers: tuple[asyncio.Task[None], ...] = ()

    def __repr__(self) -> str:
        return f"<Connection {self.session_id[:6]}… {self._machine.state.name} calls={len(self._calls)}>"

    def begin(self) -> None:
        self._lead()
        self._after(self.bounds.hello_seconds, self._await_hello)

    async def finish(self) -> None:
        self.lost()
        self._machine.close()
        self._stop_beating()
        self._stop_calls()
        for helper in self._helpers:
            helper.cancel()
        self.services.hub.detach(self)
        try:
            await self._say_goodbye()
        finally:
            await self._stop_reading()
            await self._join()
            # Once more: a hello under way may have attached meanwhile.
            self._who.forget()
            self._wait_no_more()
            self.services.hub.detach(self)

    def _act(self, event: Incoming) -> None:
        match event:
            case m.Hello():
                self._help(self._open(event))
            case m.Refresh():
                self._help(self._refresh(event))
            case _:
                super()._act(event)

    def _help(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.spawn(work)
        self._helpers = (*self._helpers, task)
        task.add_done_callback(self._helped)

    def _helped(self, task: asyncio.Task[None]) -> None:
        self._helpers = tuple(helper for helper in self._helpers if helper is not task)

    # Identity

    async def _open(self, hello: m.Hello) -> None:
        try:
            await self._who.take(hello.credentials or {})
        except RpcError as error:
            self.send(write(error_message(None, error)))
            self.shut(
                CloseCode.UNAUTHENTICATED if isinstance(error, Unauthenticated) else CloseCode.GOING_AWAY
            )
            return
        if self.ended.done():
            return
        positions = hello.positions or {}
        hub = self.services.hub
        async with hub.rooms.turn(hello.session):
            session = await hub.sessions.open(hello.session, self._who.id)
            self.session_id = session.id
            self._who.enter(session.id)
            own = () if self._who.id is None else (user_topic(self._who.id),)
            await hub.attach(self, own, self._who.id, session)
        self._timeout_ms = hello.timeout_ms
        # A client that does not say which contract it is of need not be told another one.
        ours = None if hello.calls is None else self.services.known_calls_hash()
        same = ours is not None and hello.calls == ours
        welcome = m.Welcome(self.session_id, same, self._limits(), None if same else ours)
        data, held = self._machine.welcome(welcome)
        # Where its topics stand leaves with welcome.
        self._flushing = True
        self.send(data)
        if self._draining:
            # It was told before it could know anything of this connection, if at all.
            self.send(self._farewell())
        # A client that says nothing of positions at all keeps none.
        behind = hub.follow(self, positions, session.joined_at if hello.positions is not None else NOWHERE)
        self._flush()
        if not self._draining:
            self._wait_no_more()
        if not self.ended.done():
            self._beat_place = self._beats.add(self)
        for event in held:
            if isinstance(event, m.Call | m.Resume):
                self._begin_held(event)
            else:
                self._act(event)
        await hub.catch_up(self, behind)

    async def _refresh(self, refresh: m.Refresh) -> None:
        try:
            await self._who.refresh(refresh.credentials or {}, partial(self.services.hub.move, self))
        except RpcError as error:
            self.send(self._machine.settle(error_message(refresh.id, error)))
            if isinstance(error, Unauthenticated):
                self.shut(CloseCode.UNAUTHENTICATED)
        else:
            self.send(self._machine.settle(m.Result(refresh.id, pack(self._who.expires_ms))))

    def _limits(self) -> dict[str, int]:
        bounds = self.bounds
        expires_ms = self._who.expires_ms
        return {
            **({} if expires_ms is None else {"expires_ms": expires_ms}),
            "heartbeat_ms": int(bounds.heartbeat_seconds * 1000),
            "max_message_bytes": bounds.message_bytes,
            "max_frame_bytes": self._machine.most_frame_bytes,
            "max_calls": bounds.calls,
            "max_streams": bounds.streams,
            "stream_items": bounds.stream_items,
            "stream_bytes": bounds.stream_bytes,
        }

    # Time

    def _await_hello(self) -> None:
        if self._machine.state is State.OPENING:
            self.shut(CloseCode.HELLO_TIMEOUT)

    def beat(self) -> None:
        """Once in an interval: say that this side is there, and see whether the other one is."""
        if time.monotonic() - self._heard > 2 * self.bounds.heartbeat_seconds:
            self.shut(CloseCode.HEARTBEAT)
        else:
            self.send(write(m.Ping()))

    def _stop_beating(self) -> None:
        if self._beat_place is not None:
            self._beats.remove(self, self._beat_place)
            self._beat_place = None
