"""Connections one after the other: when there is one, and which one, is decided here.

New calls go to the current connection. One that the server asks to leave, or that a restart replaces, drains: its calls finish there
while its successor takes the new ones. A call that was certainly not started goes to the next connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from fusewire.client.connection import Connection
from fusewire.client.duplex import Duplex
from fusewire.client.errors import ConnectionLost, RemoteError
from fusewire.client.exchange import Exchange, Request
from fusewire.client.positions import Positions
from fusewire.client.renewal import keep
from fusewire.client.session_options import SessionOptions
from fusewire.client.status import Status, close_name
from fusewire.errors import DeadlineExceeded, RpcError, TooManyCalls, Unavailable
from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode, reconnectable

log = logging.getLogger("fusewire.client")

CONNECT_SECONDS = 20.0
"""From asking for a socket to having it."""
RESTART_DRAIN_SECONDS = 30.0
"""How long calls under way may take on a connection that `reauthenticate` replaces."""
DRAIN_GRACE_SECONDS = 8.0
"""What a draining connection gets beyond the server's own time before its calls are given up."""
BRIEF_SECONDS = 1.0
"""What is lost sooner after welcome is tried again as after `BRIEF_STEPS` failures: a server that welcomes may still not be well."""
BRIEF_STEPS = 2
MAX_QUEUED_CALLS = 10_000
"""How many calls may wait for their turn or for a connection; one more fails with `TOO_MANY_CALLS`."""


class Session:
    """Opens nothing before somebody wants something. Its tasks belong to `tasks`."""

    def __init__(self, tasks: asyncio.TaskGroup, options: SessionOptions) -> None:
        self.loop = asyncio.get_running_loop()
        self.status = Status("disconnected", "idle")
        self.failure: RpcError | None = None
        """Why nothing can be sent, when it has stopped for good."""
        self._tasks = tasks
        self._options = options
        self._current: Connection | None = None
        self._newest: Connection | None = None
        self._live: Connection | None = None
        self._draining: set[Connection] = set()
        self._running: asyncio.Task[None] | None = None
        self._session: str | None = None
        self._positions = Positions()
        self._queued = 0
        self._closed = False
        self._generation = 0
        self._restarts: list[asyncio.Future[None]] = []
        self._hurry = asyncio.Event()
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Session {self.status.state} ({self.status.code})>"

    # Calls

    async def start(self, request: Request, *, streams: bool) -> Exchange:
        """Send a call, when there is a connection and its turn has come.

        Raises `DeadlineExceeded` when that takes longer than the call may, `TooManyCalls` when too many wait, `TooLarge` for one that
        the server would not read, and what the session has stopped for.
        """
        implied = None if streams else self._options.timeout
        _, _, deadline = request.times(implied, self.loop.time())
        if self._queued >= MAX_QUEUED_CALLS:
            raise TooManyCalls(message=f"{MAX_QUEUED_CALLS} calls wait")
        self._queued += 1
        try:
            while True:
                connection = await self._connection(request.name, deadline)
                try:
                    return await connection.start(request, streams=streams)
                except (ConnectionLost, Unavailable):
                    # It was left while the call waited for its turn; nothing was sent.
                    assert connection.left.is_set()
        finally:
            self._queued -= 1

    def unstarted(self, exchange: Exchange, request: Request) -> bool:
        """Whether a call that has failed was certainly not started, and can go to another connection."""
        error = exchange.outcome
        # What a source gave is gone.
        if not isinstance(error, RpcError) or request.upload is not None or self.failure is not None:
            return False
        if isinstance(error, ConnectionLost):
            return not error.maybe_executed
        return error.code == Unavailable.code and exchange.carrier.left.is_set()

    def cut(self, exchange: Exchange) -> bool:
        """Whether a stream has lost its connection, and can go on with the next one."""
        lost = isinstance(exchange.outcome, ConnectionLost)
        return lost and exchange.stream is not None and self.failure is None

    def end(self, exchange: Exchange) -> None:
        """Have the server end a stream that was cut, on the next connection."""
        if self.failure is None:
            self._tasks.create_task(self._end(exchange))

    async def _end(self, exchange: Exchange) -> None:
        # Only who reads a stream can cancel it.
        request = Request(exchange.name, [], {}, stream=exchange.stream, position=exchange.position)
        with contextlib.suppress(RpcError):
            ending = await self.start(request, streams=True)
            ending.carrier.abandon(ending)

    def want(self) -> None:
        """Somebody wants calls or events: connect, if that was not done yet."""
        if self._running is None and self.failure is None:
            self._running = self._tasks.create_task(self._run("requested"))

    async def reauthenticate(self) -> None:
        """Ask who is calling again: on the live connection, or by connecting again.

        Without credentials to send, the caller is known by the handshake, and only a new one brings what a login has set. Raises what
        the new identity was refused with.
        """
        connection = self._current
        if connection is None or connection.left.is_set():
            if self._running is not None or self.failure is not None:
                await self._restart()
            return
        credentials = await self._options.auth()
        if connection is not self._current:
            # While it was asked the connection went; the next hello asks again.
            await self.reauthenticate()
        elif credentials is None:
            await self._restart()
        else:
            await connection.refresh(credentials)

    async def close(self) -> None:
        """Close the sockets. What is under way or waits fails with `ConnectionLost`, and so does every later call."""
        if self._closed:
            return
        self._closed = True
        connections = {self._current, *self._draining}
        self._stop(ConnectionLost("the client was closed", maybe_executed=False), "closed", "")
        if self._running is not None:
            self._running.cancel()
        for connection in connections:
            if connection is not None:
                await connection.close()

    # The connection

    async def _connection(self, name: str, deadline: float | None) -> Connection:
        current = self._current
        if current is not None and not current.left.is_set():
            return current
        self.want()
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    if self.failure is not None:
                        raise self.failure
                    if self._current is not None and not self._current.left.is_set():
                        return self._current
                    await self._changed.wait()
        except TimeoutError:
            why = f" ({self.status.reason})" if self.status.reason else ""
            raise DeadlineExceeded(message=f"{name}: there was no connection in time{why}") from None

    async def _run(self, code: str) -> None:
        reason, attempt = "", 0
        while True:
            steps = attempt
            self._hurry.clear()
            generation = self._generation
            self._enter(Status("connecting", code, reason, attempt))
            opened, code, reason = await self._open()
            if opened is not None and opened.close_code is None:
                attempt = 0
                welcomed_at = self.loop.time()
                code = await self._use(opened, generation)
                if opened.close_code is None:
                    continue
                steps = BRIEF_STEPS if self.loop.time() - welcomed_at < BRIEF_SECONDS else 0
                reason = opened.close_reason
            if opened is not None and opened.close_code is not None:
                if not reconnectable(opened.close_code):
                    self._stop(_explanation(opened), close_name(opened.close_code), reason)
                    return
                code = close_name(opened.close_code) or code
            self._current = None
            attempt += 1
            self._enter(Status("connecting", code, reason, attempt))
            await self._pause(self._options.backoff(steps))

    async def _open(self) -> tuple[Connection | None, str, str]:
        """A connection that was welcomed, or one that was closed instead, or none; and why, when there is none."""
        code = "auth_failed"
        connection: Connection | None = None
        try:
            credentials = await self._options.auth()
            code = "connection_lost"
            async with asyncio.timeout(CONNECT_SECONDS):
                duplex = await self._options.dial()
            connection = self._made(duplex)
            await connection.greet(self._options.calls, credentials, self._session, self._positions.told())
        except TimeoutError:
            return None, "connect_timeout", f"no socket within {CONNECT_SECONDS:g} s"
        except Exception as error:  # noqa: BLE001  # of the app's `auth`, or of the network
            self._options.on_error(error)
            if connection is None or connection.close_code is None:
                code = code if connection is None else "connect_timeout"
                await self._discard(connection)
                return None, code, str(error)
            await connection.close()
            return connection, code, str(error)
        except BaseException:
            await self._discard(connection)
            raise
        return connection, "connected", ""

    def _made(self, duplex: Duplex) -> Connection:
        connection = self._newest = Connection(
            duplex,
            self._tasks,
            timeout=self._options.timeout,
            on_event=lambda event: self._event(connection, event),
            on_topic=lambda topic: self._topic(connection, topic),
            on_orphan=self.end,
            settle_seconds=0,
        )
        return connection

    def _event(self, connection: Connection, event: m.Event) -> None:
        # It may come in the tick of welcome, before anybody else has heard of that.
        if connection is self._newest:
            self._live = connection
        # One that drains would repeat what its successor delivers; what is kept is so from the successor's hello on.
        if connection is not (self._live if event.topic is None else self._newest):
            return
        if self._positions.advance(event):
            self._options.on_event(event)
        elif not connection.left.is_set():
            log.warning("! events of %s are missing: connecting again", event.topic)
            connection.drain_seconds = RESTART_DRAIN_SECONDS
            connection.retire()

    def _topic(self, connection: Connection, topic: m.Topic) -> None:
        if connection is self._newest and not self._positions.go_on(topic):
            self._options.on_missed(topic.topic)

    async def _discard(self, connection: Connection | None) -> None:
        if connection is not None:
            await connection.close()

    async def _use(self, connection: Connection, generation: int) -> str:
        """Give it to the callers until it has to be left. Why, if it drains then."""
        self._current = self._live = connection
        self._session = connection.session
        if generation != self._generation:
            # A restart was asked for while it was made, and it knows nothing of that.
            connection.retire()
        else:
            restarts, self._restarts = self._restarts, []
            for restart in restarts:
                if not restart.done():
                    restart.set_result(None)
        if not connection.same:
            self._options.on_stale(connection.server_calls)
        self._enter(Status("connected", "connected"))
        keeper = self._tasks.create_task(
            keep(
                connection,
                self._options.auth,
                backoff=self._options.backoff,
                on_error=self._options.on_error,
            )
        )
        try:
            await connection.left.wait()
        finally:
            keeper.cancel()
        if connection.close_code is None:
            restarted = generation != self._generation
            seconds = RESTART_DRAIN_SECONDS if restarted else connection.drain_seconds
            self._draining.add(connection)
            self._tasks.create_task(self._drain(connection, seconds + DRAIN_GRACE_SECONDS))
            return "restarted" if restarted else "goaway"
        return "connection_lost"

    async def _drain(self, connection: Connection, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await connection.idle.wait()
                # Until its successor delivers the events.
                while self._live is connection and self.failure is None:
                    await self._changed.wait()
        except TimeoutError:
            log.warning("! calls under way were given up: not drained within %g s", seconds)
        self._draining.discard(connection)
        await connection.close()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _restart(self) -> None:
        """Until the connection is welcomed that replaces this one."""
        self._generation += 1
        welcomed = self.loop.create_future()
        self._restarts.append(welcomed)
        self._hurry.set()
        if self._closed and self.failure is not None:
            raise self.failure
        if self.failure is not None:
            self.failure = None
            self._running = self._tasks.create_task(self._run("restarted"))
        elif self._current is not None:
            self._current.retire()
        await welcomed

    def _stop(self, error: RpcError, code: str, reason: str) -> None:
        self.failure = error
        self._current = None
        self._session = None
        self._positions = Positions()
        restarts, self._restarts = self._restarts, []
        for restart in restarts:
            if not restart.done():
                restart.set_exception(error)
        self._options.on_failure(error)
        self._enter(Status("disconnected", code, reason))

    def _enter(self, status: Status) -> None:
        """Everybody who waits looks once; a new Event is for those who come later."""
        self.status = status
        self._changed.set()
        self._changed = asyncio.Event()
        log.info("= %s (%s) %s", status.state, status.code, status.reason)
        self._options.on_status(status)


def _explanation(connection: Connection) -> RpcError:
    """Why a connection was closed for good."""
    if connection.refusal is not None:
        return RemoteError(connection.refusal)
    code = connection.close_code or 0
    status = 401 if code == CloseCode.UNAUTHENTICATED else 503
    detail = connection.close_reason or f"closed ({code})"
    return RemoteError(m.Error(None, status, close_name(code).upper(), detail))
