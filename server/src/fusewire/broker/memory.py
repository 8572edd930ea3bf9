"""One process is all there is: what is published is delivered at once, and history is a list."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fusewire.beside import beside
from fusewire.broker.expiry import Deadlines
from fusewire.broker.port import Delivery, Listener, Replay, Retention

SWEEP_SECONDS = 10.0
"""How often what has run out is looked for when nothing is published. Publishing looks too."""


class _Topic:
    __slots__ = ("entries", "retention", "subscribed", "top", "touched")

    def __init__(self, top: str, retention: Retention, now: float) -> None:
        self.top = top
        self.retention = retention
        self.entries: deque[tuple[float, Delivery]] = deque()
        self.subscribed = False
        self.touched = now

    def trim(self, now: float) -> None:
        while self.entries and (
            len(self.entries) > self.retention.count or self._ran_out(self.entries[0][0], now)
        ):
            self.entries.popleft()

    def _ran_out(self, published: float, now: float) -> bool:
        return not self.retention.together and published <= now - self.retention.seconds


class MemoryBroker:
    """`clock`: seconds, monotonic."""

    healthy = True

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._listener: Listener | None = None
        self._topics: dict[str, _Topic] = {}
        self._deadlines = Deadlines()
        # Positions of an earlier process, or of another, are never found here.
        self._epoch = secrets.randbits(53)
        # One counter for all topics: a topic that was forgotten and came again never repeats a position.
        self._count = 0

    def __repr__(self) -> str:
        return f"<MemoryBroker {len(self._topics)} topics>"

    def attach(self, listener: Listener) -> None:
        self._listener = listener

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with beside(self._keep_sweeping()):
            yield

    async def subscribe(self, topic: str, retention: Retention) -> str:
        state = self._touch(topic, retention)
        state.subscribed = True
        return state.top

    def unsubscribe(self, topic: str) -> None:
        if state := self._topics.get(topic):
            state.subscribed = False
            state.touched = self._clock()
            self._deadlines.put(topic, state.touched + state.retention.seconds)

    async def publish(self, topic: str, message: bytes, retention: Retention | None) -> str | None:
        if retention is None:
            self._deliver(topic, Delivery(None, None, message))
            return None
        state = self._touch(topic, retention)
        position = self._next()
        delivery = Delivery(state.top, position, message)
        state.top = position
        state.entries.append((state.touched, delivery))
        state.trim(state.touched)
        self._deliver(topic, delivery)
        return position

    async def since(self, topic: str, position: str, *, limit: int, max_bytes: int) -> Replay:
        self._sweep()
        state = self._topics.get(topic)
        if state is None:
            return Replay((), False, self._next())
        state.trim(self._clock())
        if position == state.top:
            return Replay((), True, state.top)
        found: list[Delivery] = []
        size = 0
        for _, delivery in reversed(state.entries):
            found.append(delivery)
            size += len(delivery.message)
            if len(found) > limit or size > max_bytes:
                break
            if delivery.previous == position:
                return Replay(found[::-1], True, state.top)
        return Replay((), False, state.top)

    def _touch(self, topic: str, retention: Retention) -> _Topic:
        self._sweep()
        now = self._clock()
        state = self._topics.get(topic)
        if state is None:
            state = self._topics[topic] = _Topic(self._next(), retention, now)
        state.retention = retention
        state.touched = now
        self._deadlines.put(topic, now + retention.seconds)
        return state

    def _next(self) -> str:
        self._count += 1
        return f"{self._epoch}-{self._count}"

    def _deliver(self, topic: str, delivery: Delivery) -> None:
        state = self._topics.get(topic)
        if state is not None and state.subscribed and self._listener is not None:
            self._listener.deliver(topic, delivery)

    def _sweep(self) -> None:
        now = self._clock()
        while (topic := self._deadlines.pop_due(now)) is not None:
            state = self._topics[topic]
            state.trim(now)
            if state.entries and not state.retention.together:
                self._deadlines.put(topic, state.entries[0][0] + state.retention.seconds)
            elif not state.subscribed:
                # Nobody has been there for as long as a position is remembered.
                del self._topics[topic]

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._sweep()
