"""The resumable streams of one worker: those that run here, and those that are read here wherever they run.

A worker hears of its runners on one ephemeral topic of its own. Each stream has a lease in the store, which is renewed while its runner
is at work; when it has run out, the worker is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from fusewire.broker import Broker, Store
from fusewire.broker.port import BrokerError, Delivery, Listener, Retention
from fusewire.broker.positions import is_position
from fusewire.errors import Cancelled, RpcError, StreamLost, StreamUnknown, TooManyCalls, Unavailable
from fusewire.identity import Identity
from fusewire.procedures.call import Call
from fusewire.procedures.procedure import Procedure
from fusewire.streams.hearing import Hearing
from fusewire.streams.journal import PREFIX, Form, Kind, Stream, owner_of, retention
from fusewire.streams.reading import Reading
from fusewire.streams.runner import Runner

BEAT_SECONDS = 2.0
"""How often leases are renewed, and runners told that their readers are there."""
LEASE_SECONDS = 6.0
"""How long after a worker's last sign its streams count as lost."""
RUNNERS = 128
"""How many resumable streams of one caller may be at work in a worker: those count as well whose reader went away."""

_WORKER = "streams:"
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_CONTROL = Retention(seconds=60, count=1)
_TAKEN, _STOP = b"t", b"s"

Begin = Callable[[Runner], Coroutine[Any, Any, None]]


class Streams:
    """`events`: who hears what the broker brings of other topics. `drain_seconds`: how long generators may go on when the worker stops.
    `largest`: bytes of an item. `allow`: raises `RpcError` where an identity may not have what a procedure of this name yields.
    """

    def __init__(
        self,
        broker: Broker,
        store: Store,
        events: Listener,
        *,
        drain_seconds: float,
        largest: int,
        allow: Callable[[str, Identity | None], None],
    ) -> None:
        self._broker = broker
        self._store = store
        self._events = events
        self._drain_seconds = drain_seconds
        self._largest = largest
        self._allow = allow
        self._draining_since: float | None = None
        self._worker = secrets.token_urlsafe(12)
        self._runners: dict[str, Runner] = {}
        self._callers: Counter[bytes] = Counter()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._readings: dict[str, list[Reading]] = {}
        self._unsaid: dict[str, tuple[Stream, float]] = {}
        """Streams that are to end and whose worker may not know, and until when that matters."""
        self._hearing = Hearing(2 * BEAT_SECONDS)
        self._keeper: asyncio.Task[None] | None = None
        self._heard = False
        broker.attach(self)

    def __repr__(self) -> str:
        return f"<Streams {len(self._runners)} running, {len(self._readings)} read>"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """At its end generators may finish; what outlives `drain_seconds` ends with `STREAM_LOST`."""
        try:
            yield
        finally:
            await self._finish()

    def drain(self) -> None:
        """The worker is stopping: from now on the time counts."""
        if self._draining_since is None:
            self._draining_since = time.monotonic()

    # Streams begin, and are found again

    async def start(
        self,
        procedure: Procedure,
        call: Call,
        form: Form,
        begin: Begin,
        *,
        deadline_seconds: float | None,
    ) -> Reading:
        """Run a call that outlives its reader. `begin` makes what runs it; `deadline_seconds`: until its deadline.

        Raises `TooManyCalls`, and `Unavailable` when nothing can be kept.
        """
        caller = _caller(call)
        if self._callers[caller] >= RUNNERS:
            raise TooManyCalls(
                message=f"{RUNNERS} streams of this caller are at work; this one was not started"
            )
        seconds = procedure.resume_seconds
        assert seconds is not None
        stream_id = secrets.token_urlsafe(16)
        self._callers[caller] += 1
        try:
            start = await self._broker.publish(PREFIX + stream_id, Kind.BEGIN.value, retention(seconds, 1))
            assert start is not None, "what is kept has a position"
            owner = owner_of(call.identity)
            stream = Stream(stream_id, procedure.name, owner, form.name, self._worker, seconds, start)
            await self._store.set(stream.lease, b"", ttl_seconds=LEASE_SECONDS)
            await self._store.set(stream.key, stream.packed(), ttl_seconds=_kept(seconds))
            await self._listen()
        except BaseException as error:
            self._release(caller)
            if isinstance(error, BrokerError):
                raise Unavailable(message="Streams cannot be kept at the moment") from error
            raise
        runner = Runner(
            stream,
            self._broker,
            form,
            begin,
            timeout=deadline_seconds,
            patience=seconds + 2 * BEAT_SECONDS,
            hearing=self._hearing,
        )
        self._runners[stream_id] = runner
        self._tasks[stream_id] = asyncio.create_task(self._run(runner, caller))  # noqa: TID251  # `_finish` waits for it
        self._keep()
        return self._reading(stream, start)

    async def resume(
        self,
        stream_id: str,
        identity: Identity | None,
        form: str,
        position: str | None,
        procedure: str | None = None,
    ) -> Reading:
        """Go on with a stream behind `position`, or from its beginning. `procedure`: of which it is taken to be.

        Raises `StreamUnknown`, `StreamLost`, `Unavailable` when it cannot be looked up, and what `allow` does: a right may be gone by now.
        """
        if not _ID.fullmatch(stream_id):
            raise StreamUnknown
        try:
            packed = await self._store.get(f"stream:{stream_id}")
        except BrokerError as error:
            raise Unavailable(message="Streams cannot be looked up at the moment") from error
        stream = None if packed is None else Stream.read(stream_id, packed)
        if stream is None or stream.owner != owner_of(identity) or stream.form != form:
            raise StreamUnknown
        if procedure not in (None, stream.procedure):
            raise StreamUnknown
        self._allow(stream.procedure, identity)
        if position is not None and not is_position(position):
            raise StreamLost(message="The stream never stood there")
        return self._reading(stream, stream.start if position is None else position)

    def _reading(self, stream: Stream, at: str) -> Reading:
        return Reading(stream, at, self._broker, self, largest=self._largest)

    async def _listen(self) -> None:
        if not self._heard:
            await self._broker.subscribe(_WORKER + self._worker, _CONTROL)
            self._heard = True

    async def _run(self, runner: Runner, caller: bytes) -> None:
        stream = runner.stream
        try:
            await runner.run()
        finally:
            del self._runners[stream.id], self._tasks[stream.id]
            self._release(caller)
            with contextlib.suppress(BrokerError):
                await self._store.delete(stream.lease)

    def _release(self, caller: bytes) -> None:
        self._callers[caller] -= 1
        if not self._callers[caller]:
            del self._callers[caller]

    # Readers: their `House`

    async def enter(self, reading: Reading) -> None:
        """Raises `StreamLost`: its topic cannot be listened to."""
        stream = reading.stream
        self._readings.setdefault(stream.topic, []).append(reading)
        self._keep()
        await self._broker.subscribe(stream.topic, stream.retention)

    def leave(self, reading: Reading) -> None:
        topic = reading.stream.topic
        others = self._readings.get(topic, [])
        if reading in others:
            others.remove(reading)
            if not others:
                del self._readings[topic]
                self._broker.unsubscribe(topic)

    async def tell(self, reading: Reading) -> None:
        stream = reading.stream
        what = _STOP if reading.stopping else _TAKEN
        reading.told()
        if stream.worker == self._worker:
            self._obey(what, stream.id, reading.at)
            return
        message = b" ".join((what, stream.id.encode(), reading.at.encode()))
        # What is not heard is said again with the next beat.
        with contextlib.suppress(BrokerError):
            await self._broker.publish(_WORKER + stream.worker, message, None)

    async def stop(self, reading: Reading) -> None:
        stream = reading.stream
        if stream.worker != self._worker:
            # First of all: whoever asked for it may leave while the store does not answer.
            self._unsaid[stream.id] = (stream, time.monotonic() + stream.seconds)
            self._keep()
        await self.tell(reading)
        with contextlib.suppress(BrokerError):
            await self._write_stops()

    async def _write_stops(self) -> None:
        for stream, until in list(self._unsaid.values()):
            if until > time.monotonic():
                await self._store.set(stream.stopped, b"", ttl_seconds=_kept(stream.seconds))
            self._unsaid.pop(stream.id, None)

    def _obey(self, what: bytes, stream_id: str, position: str) -> None:
        runner = self._runners.get(stream_id)
        if runner is None:
            return
        if what == _STOP:
            runner.stop(Cancelled(message="The call was cancelled"))
        else:
            runner.taken(position)

    # What the broker brings

    def deliver(self, topic: str, delivery: Delivery) -> None:
        if topic.startswith(PREFIX):
            for reading in tuple(self._readings.get(topic, ())):
                reading.deliver(delivery)
        elif topic.startswith(_WORKER):
            what, stream_id, position = delivery.message.split(b" ")
            self._obey(what, stream_id.decode(), position.decode())
        else:
            self._events.deliver(topic, delivery)

    def gap(self, topic: str, position: str) -> None:
        if topic.startswith(PREFIX):
            for reading in self._readings.get(topic, ()):
                reading.look_again()
        elif not topic.startswith(_WORKER):
            self._events.gap(topic, position)

    # Beats

    def _keep(self) -> None:
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_on())  # noqa: TID251  # ends by itself; `_finish` waits for it

    async def _keep_on(self) -> None:
        beaten = time.monotonic()
        self._hearing.heard()
        try:
            while self._runners or self._readings or self._unsaid:
                try:
                    await self._beat()
                    beaten = time.monotonic()
                    self._hearing.heard()
                except BrokerError:
                    if time.monotonic() - beaten > LEASE_SECONDS:
                        self._doubt()
                await asyncio.sleep(BEAT_SECONDS)
        finally:
            self._keeper = None

    def _doubt(self) -> None:
        """Nothing can be heard of the streams that run elsewhere, or ended without a last word: their readers look themselves."""
        for reading in [reading for each in self._readings.values() for reading in each]:
            if reading.stream.id not in self._runners:
                reading.look_again()

    async def _beat(self) -> None:
        streams = [runner.stream for runner in self._runners.values()]
        if streams:
            await self._renew(streams)
        await self._write_stops()
        readings = [reading for each in self._readings.values() for reading in each]
        await self._remember({*streams, *(reading.stream for reading in readings)})
        for reading in readings:
            await self.tell(reading)
        if readings:
            leases = await self._store.get_many([reading.stream.lease for reading in readings])
            for reading, lease in zip(readings, leases, strict=True):
                reading.seen(at_work=lease is not None or reading.stream.id in self._runners)

    async def _remember(self, streams: set[Stream]) -> None:
        """Whoever comes back to them finds them: those that run, and those that have ended and are being read."""
        for seconds in {stream.seconds for stream in streams}:
            keys = [stream.key for stream in streams if stream.seconds == seconds]
            await self._store.touch(keys, ttl_seconds=_kept(seconds))

    async def _renew(self, streams: list[Stream]) -> None:
        leases = [stream.lease for stream in streams]
        await self._store.touch(leases, ttl_seconds=LEASE_SECONDS)
        found = await self._store.get_many([*leases, *(stream.stopped for stream in streams)])
        for stream, lease, stopped in zip(streams, found, found[len(streams) :], strict=False):
            if stopped is not None:
                self._obey(_STOP, stream.id, stream.start)
            # While the store was away it may have run out.
            if lease is None and stream.id in self._runners:
                await self._store.set(stream.lease, b"", ttl_seconds=LEASE_SECONDS)

    # The end

    async def _finish(self) -> None:
        since = self._draining_since or time.monotonic()
        await self._wait(self._drain_seconds - (time.monotonic() - since))
        lost: RpcError[Any] = StreamLost(message="The worker that ran the stream has stopped")
        for runner in list(self._runners.values()):
            runner.stop(lost)
        await self._wait(None)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait((self._keeper,))
        self._broker.unsubscribe(_WORKER + self._worker)
        # The app may run again, in another event loop.
        self._heard, self._draining_since = False, None

    async def _wait(self, seconds: float | None) -> None:
        if self._tasks and (seconds is None or seconds > 0):
            await asyncio.wait(tuple(self._tasks.values()), timeout=seconds)


def _caller(call: Call) -> bytes:
    """Whom it counts against: among those without an identity, the address. One of them takes nothing from the others."""
    return owner_of(call.identity) if call.identity is not None else f"address:{call.client_ip}".encode()


def _kept(seconds: float) -> float:
    """How long after the last beat a stream can be found."""
    return seconds + LEASE_SECONDS
