"""The shell around `ClientMachine`: calls, streams and uploads over one duplex. It owns every task that it starts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from typing import Any

from fusewire.client.duplex import Duplex, DuplexClosed
from fusewire.client.errors import ConnectionLost, RemoteError
from fusewire.client.exchange import Exchange, Request
from fusewire.client.inbox import Inbox
from fusewire.client.incoming import Arrived, Granted, Incoming, Named, Reported, Send, Settled, Shut
from fusewire.client.machine import ClientMachine, State
from fusewire.client.outbox import Outbox
from fusewire.client.turns import Turns
from fusewire.client.upload import upload
from fusewire.errors import DeadlineExceeded, Unavailable
from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode

log = logging.getLogger("fusewire.client")

WELCOME_SECONDS = 20.0
"""From hello to welcome. The server gives its identity loader 10."""
SILENCE_GRACE_SECONDS = 8.0
"""What PROTOCOL §2.4 adds to the heartbeat before a silent connection counts as dead."""
DEADLINE_GRACE_SECONDS = 0.5
"""The server's own DEADLINE_EXCEEDED gets so long to arrive."""
SAME_TICK_SECONDS = 0.02
"""A call that waited longer for its connection is told to the server with what is left of its time."""
LAST_WORDS_SECONDS = 1.0
"""How long a client that closes may take to say what it has left."""
SETTLE_SECONDS = 10.0
"""How long a caller that leaves waits for the server's clean-up."""


class Connection:
    """One connection after its hello. Everything about calls goes by `Exchange`."""

    def __init__(
        self,
        duplex: Duplex,
        tasks: asyncio.TaskGroup,
        *,
        timeout: float | None,
        on_event: Callable[[m.Event], None] | None = None,
        on_topic: Callable[[m.Topic], None] | None = None,
        on_orphan: Callable[[Exchange], None] | None = None,
        settle_seconds: float | None = None,
    ) -> None:
        """`on_event` gets the events instead of the inbox, `on_topic` where topics go on from, `on_orphan` the streams that can be resumed
        and were cut before the server had settled their cancel.

        `settle_seconds`: how long a caller that leaves waits for the clean-up.
        """
        self.timeout = timeout
        self.events = Inbox()
        self.loop = asyncio.get_running_loop()
        self.close_code: int | None = None
        self.close_reason = ""
        self.refusal: m.Error | None = None
        """The last error that belonged to no call: it explains a close that follows."""
        self.session: str | None = None
        self.server_calls: str | None = None
        """The server's own hash of its call shapes."""
        self.drain_seconds = 0.0
        self.expires_at: float | None = None
        """When the identity expires, on the loop's clock."""
        self.renewed = asyncio.Event()
        """Set whenever there is another identity."""
        self.left = asyncio.Event()
        """Set when new calls have to go elsewhere: the server drains, or the connection is closed."""
        self.idle = asyncio.Event()
        """Set while no call is under way."""
        self.idle.set()
        self._on_event = on_event or self.events.put
        self._on_topic = on_topic or (lambda _: None)
        self._on_orphan = on_orphan or (lambda _: None)
        self._settle_seconds = SETTLE_SECONDS if settle_seconds is None else settle_seconds
        self._duplex = duplex
        self._tasks = tasks
        self._machine = ClientMachine()
        self._outbox = Outbox()
        self._exchanges: dict[int, Exchange] = {}
        self._turns: dict[bool, Turns] = {}
        self._refreshing = asyncio.Lock()
        self._greeted = asyncio.Event()
        self._ended = asyncio.Event()
        self._cause: BaseException | None = None
        self._workers: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Connection {self._machine.state.name} calls={len(self._exchanges)}>"

    @property
    def draining(self) -> bool:
        """Whether the server has asked to go elsewhere."""
        return self._machine.state is State.DRAINING

    @property
    def same(self) -> bool:
        """Whether the server has the contract that hello named."""
        return self._machine.same

    async def greet(
        self,
        calls: str | None,
        credentials: dict[str, Any] | None,
        session: str | None = None,
        positions: dict[str, str] | None = None,
    ) -> None:
        hello = m.Hello(calls, session, _ms(self.timeout), credentials, positions)
        self._outbox.put(self._machine.hello(hello))
        self._workers = [self._tasks.create_task(self._read()), self._tasks.create_task(self._write())]
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                await self._greeted.wait()
        except TimeoutError:
            message = f"no welcome within {WELCOME_SECONDS:g} s"
            raise ConnectionLost(message, maybe_executed=False) from None
        if self.close_code is not None:
            if self.refusal is not None:
                raise RemoteError(self.refusal)
            raise self._lost_error(maybe_executed=False)

    async def close(self, code: int = 1000) -> None:
        """Close from this side. Calls under way fail with `ConnectionLost`; that some were left before is still said."""
        words = self._outbox.last_words() if self.close_code is None and self._greeted.is_set() else b""
        self._end(code, "closed by this client")
        for worker in self._workers:
            worker.cancel()
        if words:
            # A generator that outlives its connection would run on.
            with contextlib.suppress(DuplexClosed, TimeoutError):
                async with asyncio.timeout(LAST_WORDS_SECONDS):
                    await self._duplex.send(words)
        await self._duplex.close(code)

    async def ended(self) -> int:
        """Wait until the connection is closed; the close code."""
        await self._ended.wait()
        assert self.close_code is not None
        return self.close_code

    # Calls

    async def start(self, request: Request, *, streams: bool) -> Exchange:
        """Send a call, when its turn has come. `streams`: whether the caller will read items.

        Raises `ConnectionLost`, `Unavailable` and `TooLarge` for a call that was not sent, `DeadlineExceeded` when its turn did not come.
        """
        implied = None if streams else self.timeout
        now = self.loop.time()
        timeout, since, deadline = request.times(implied, now)
        turns = self._turns[streams]
        try:
            async with asyncio.timeout_at(deadline):
                await turns.take()
        except TimeoutError:
            raise DeadlineExceeded(message=f"{request.name} waited for its turn for too long") from None
        try:
            said = timeout != implied or (deadline is not None and now - since > SAME_TICK_SECONDS)
            exchange = self._begin(request, turns, deadline, said=said)
        except BaseException:
            turns.give()
            raise
        if request.upload is not None:
            exchange.uploader = self._tasks.create_task(
                upload(exchange, request.upload, self._machine, self._outbox)
            )
        return exchange

    def _begin(self, request: Request, turns: Turns, deadline: float | None, *, said: bool) -> Exchange:
        if self.close_code is not None:
            raise self._lost_error(maybe_executed=False)
        if self.left.is_set():
            raise Unavailable(message="The connection takes no more calls; this one was not sent")
        call_id, data = self._message(request, deadline, said=said)
        exchange = Exchange(call_id, request.name, deadline, self, turns.give)
        exchange.stream, exchange.position = request.stream, request.position
        self._exchanges[call_id] = exchange
        self.idle.clear()
        self._outbox.put(data, exchange)
        return exchange

    def _message(self, request: Request, deadline: float | None, *, said: bool) -> tuple[int, bytes]:
        if request.stream is not None:
            return self._machine.resume(request.name, request.stream, request.position)
        left = None if deadline is None else deadline - self.loop.time()
        # What hello said, or a stream means anyway, needs no saying; else 0 is none (PROTOCOL §3).
        timeout_ms = (_ms(left) or 0) if said else None
        args, kwargs = request.arguments(same=self._machine.same)
        return self._machine.call(
            request.name,
            args,
            kwargs,
            timeout_ms=timeout_ms,
            upload=request.upload is not None,
            key=request.key,
        )

    def unstarted(self, exchange: Exchange, request: Request) -> bool:
        """Never: there is no other connection that could have the call."""
        del exchange, request
        return False

    def cut(self, exchange: Exchange) -> bool:
        """Never: there is no other connection."""
        del exchange
        return False

    def end(self, exchange: Exchange) -> None:
        """Nothing: without a connection nobody can be told."""

    async def next(self, exchange: Exchange) -> None:
        """Wait until the exchange is ready. Whoever stops waiting has cancelled the call.

        A cancelled caller is held until the server has settled, so that the clean-up has run. Raises `DeadlineExceeded` when the
        server stays silent.
        """
        if exchange.ready:
            return
        late = None if exchange.deadline is None else exchange.deadline + DEADLINE_GRACE_SECONDS
        try:
            async with asyncio.timeout_at(late):
                await exchange.changed()
        except TimeoutError:
            self.abandon(exchange)
            raise DeadlineExceeded(message=f"{exchange.name} did not answer in time") from None
        except asyncio.CancelledError:
            await self.leave(exchange)
            raise

    def taken(self, exchange: Exchange, item: Arrived) -> None:
        """The reader has an item: grant what it took."""
        exchange.position = item.position
        self._outbox.put(self._machine.taken(exchange.id, item.size))

    def abandon(self, exchange: Exchange) -> None:
        """Cancel without waiting. Nothing when it was settled."""
        if exchange.outcome is None and not exchange.left:
            exchange.left = True
            if exchange.uploader is not None:
                exchange.uploader.cancel()
            self._outbox.put(self._machine.cancel(exchange.id))

    async def leave(self, exchange: Exchange) -> None:
        """Cancel, and wait until the server has settled."""
        self.abandon(exchange)
        if not self._settle_seconds:
            return
        try:
            async with asyncio.timeout(self._settle_seconds):
                await exchange.settled()
        except TimeoutError:
            log.warning("! %s has not ended %g s after it was cancelled", exchange.name, self._settle_seconds)

    async def refresh(self, credentials: dict[str, Any] | None) -> None:
        """Change who is calling. Raises `RemoteError` when the credentials were refused; the server then closes the connection."""
        # One at a time: the server keeps few of them waiting.
        async with self._refreshing:
            call_id, data = self._machine.refresh(credentials)
            deadline = self.loop.time() + WELCOME_SECONDS
            exchange = Exchange(call_id, "refresh", deadline, self, lambda: None)
            self._exchanges[call_id] = exchange
            self.idle.clear()
            self._outbox.put(data, exchange)
            await self.next(exchange)
            outcome = exchange.end()
            self._expires(outcome.value if isinstance(outcome, m.Result) else None)

    # What comes in

    async def _read(self) -> None:
        try:
            while self.close_code is None:
                silence = self._machine.limits.heartbeat_ms / 1000 + SILENCE_GRACE_SECONDS
                async with asyncio.timeout(silence):
                    frame = await self._duplex.recv()
                for event in self._machine.receive(frame):
                    self._act(event)
        except DuplexClosed as closed:
            self._cause = closed.__cause__
            self._end(closed.code, closed.reason)
        except TimeoutError:
            self._end(CloseCode.HEARTBEAT, CloseCode.HEARTBEAT.reason)
        self._workers[1].cancel()
        assert self.close_code is not None
        await self._duplex.close(self.close_code)

    async def _write(self) -> None:
        try:
            await self._outbox.run(
                self._duplex.send, frame_bytes=lambda: self._machine.limits.max_frame_bytes
            )
        except DuplexClosed:
            # The reader is told too, after what the server said before.
            return

    def _act(self, event: Incoming) -> None:
        match event:
            case Send(data):
                self._outbox.put(data)
            case Arrived() | Named():
                self._exchanges[event.id].arrived(event)
            case Settled(id=call_id, message=message):
                outcome = RemoteError(message) if isinstance(message, m.Error) else message
                self._exchanges.pop(call_id).settle(outcome)
                if not self._exchanges:
                    self.idle.set()
            case Granted(id=call_id):
                self._exchanges[call_id].allowed.set()
            case m.Event():
                self._on_event(event)
            case m.Topic():
                self._on_topic(event)
            case m.Welcome(session=session, calls=calls):
                self.server_calls = calls
                limits = self._machine.limits
                self.session = session
                self._turns = {False: Turns(limits.max_calls), True: Turns(limits.max_streams)}
                self._expires(limits.expires_ms)
                self._greeted.set()
            case Reported(error):
                self.refusal = error
                log.info("< %s %s: %s", error.status, error.code, error.detail)
            case Shut(code):
                self._end(code, code.reason)
            case m.GoAway(drain_ms=drain_ms):
                log.info("< goaway, %d ms", drain_ms)
                self.drain_seconds = drain_ms / 1000
                self.retire()

    def _expires(self, milliseconds: int | None) -> None:
        self.expires_at = None if milliseconds is None else self.loop.time() + milliseconds / 1000
        self.renewed.set()

    def retire(self) -> None:
        """Take nothing new: whoever waits for a turn is let go, to hear that. What is under way goes on."""
        self.left.set()
        for turns in self._turns.values():
            turns.dissolve()

    def _end(self, code: int, reason: str) -> None:
        """The connection is over: every call gets its answer here."""
        if self.close_code is not None:
            return
        self.close_code, self.close_reason = code, reason
        self._machine.close()
        self.retire()
        exchanges, self._exchanges = self._exchanges, {}
        for exchange in exchanges.values():
            exchange.settle(self._lost_error(maybe_executed=exchange.handed))
            if exchange.left and exchange.stream is not None:
                self._on_orphan(exchange)
        self.idle.set()
        self.events.close(str(self._lost_error(maybe_executed=False)))
        self._greeted.set()
        self._ended.set()

    def _lost_error(self, *, maybe_executed: bool) -> ConnectionLost:
        reason = f", {self.close_reason}" if self.close_reason else ""
        message = f"the connection is closed ({self.close_code}{reason})"
        error = ConnectionLost(message, maybe_executed=maybe_executed)
        error.__cause__ = self._cause
        return error


def _ms(seconds: float | None) -> int | None:
    """Rounded up, and never 0, which would mean none."""
    return None if seconds is None else max(1, math.ceil(seconds * 1000))
