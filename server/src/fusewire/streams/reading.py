"""One reader of a stream, on whatever worker: first what the journal holds, then what comes."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from fusewire.broker.port import Broker, BrokerError, Delivery, Replay
from fusewire.broker.positions import after
from fusewire.errors import StreamLost, StreamTakenOver
from fusewire.streams.journal import (
    KEPT_BYTES,
    KEPT_ITEMS,
    LATEST,
    UNREAD_BYTES,
    UNREAD_ITEMS,
    Kind,
    Record,
    Stream,
)

WINDOW_ITEMS = 256
WINDOW_BYTES = 64 * 1024
"""What comes faster than it is taken is kept up to here; what is more is read from the journal again."""

TOLD_PART = 4
"""The runner is told at the latest when this part of what makes it wait has been taken."""

READ_SECONDS = 10.0
ATTEMPT_SECONDS = 0.5
"""For how long a journal that cannot be read is asked for again, and how long after."""

LOOKS = 3
"""After so many looks in a row at which nobody had the stream it is lost: a worker that lives has said so in between."""


class House(Protocol):
    """What a reader asks of its worker."""

    async def enter(self, reading: Reading) -> None:
        """From now on what comes on the stream's topic is delivered. Raises `BrokerError`."""
        ...

    def leave(self, reading: Reading) -> None: ...

    async def tell(self, reading: Reading) -> None:
        """Let the runner know how far the reader is, or that it is to stop."""
        ...

    async def stop(self, reading: Reading) -> None:
        """Let the runner know that it is to stop; if it cannot hear that now, then as soon as it can, though the reader is gone by then."""
        ...


class Reading:
    """`at`: the position of the last record that was taken. `largest`: bytes of an item."""

    def __init__(self, stream: Stream, at: str, broker: Broker, house: House, *, largest: int) -> None:
        self.stream = stream
        self.at = at
        self.stopping = False
        """Whether its reader wants the stream to end."""
        self.overtaken: Callable[[], None] = lambda: None
        """Told when another reader goes on: what waits for this one's room need not."""
        self._broker = broker
        self._house = house
        self._largest = largest
        self._token = secrets.token_bytes(8)
        self._claimed = False
        self._taken_over = False
        self._orphaned = False
        self._unseen = 0
        self._behind = True
        self._waiting: deque[Delivery] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._items = 0
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<Reading {self.stream.procedure} {self.stream.id[:6]}… at {self.at}>"

    async def records(self) -> AsyncGenerator[Record]:
        """Items and the end, each once and in order. Raises `StreamLost` and `StreamTakenOver`."""
        try:
            # It may be ended while it enters.
            await self._house.enter(self)
            await self._claim()
            while True:
                self._news.clear()
                # The verdict counts for what is read after it: the end may have been written just before.
                orphaned = self._orphaned
                self._behind |= orphaned
                async with contextlib.aclosing(self._available()) as available:
                    async for record in available:
                        yield record
                        if record.kind in (Kind.END, Kind.ERROR):
                            return
                        await self._take(record)
                if orphaned:
                    raise StreamLost(message="The worker that ran the stream is gone")
                if self._taken_over:
                    raise StreamTakenOver(message="Another reader goes on with the stream")
                await self._news.wait()
        finally:
            self._house.leave(self)

    async def stop(self) -> None:
        """The generator is to end; what comes is its end."""
        self.stopping = True
        await self._house.stop(self)

    async def _claim(self) -> None:
        with contextlib.suppress(BrokerError):
            await self._broker.publish(self.stream.topic, Kind.CLAIM.value + self._token, None)
        await self._house.tell(self)

    async def _available(self) -> AsyncGenerator[Record]:
        """What there is now."""
        while self._waiting or self._behind:
            if self._taken_over:
                return
            if self._behind:
                self._behind = False
                self._waiting.clear()
                self._size = 0
                for delivery in await self._read():
                    if self._taken_over:
                        return
                    yield self._record(delivery)
                continue
            delivery = self._waiting.popleft()
            self._size -= len(delivery.message)
            if delivery.previous == self.at:
                yield self._record(delivery)
            elif delivery.position is not None and after(delivery.position, self.at):
                self._behind = True

    def _record(self, delivery: Delivery) -> Record:
        assert delivery.position is not None
        self.at = delivery.position
        return Record(Kind(delivery.message[:1]), delivery.message[1:], delivery.position)

    async def _read(self) -> list[Delivery]:
        try:
            async with asyncio.timeout(READ_SECONDS):
                replay = await self._replay()
        except TimeoutError:
            raise StreamLost(message="What comes next cannot be read") from None
        if not replay.recovered:
            raise StreamLost(message="What comes next is not kept any more")
        return list(replay.entries)

    async def _replay(self) -> Replay:
        most = KEPT_BYTES + (LATEST + 1) * self._largest
        while True:
            try:
                return await self._broker.since(
                    self.stream.topic, self.at, limit=2 * KEPT_ITEMS, max_bytes=most
                )
            except BrokerError:
                await asyncio.sleep(ATTEMPT_SECONDS)

    async def _take(self, record: Record) -> None:
        self._items += 1
        self._bytes += len(record.body)
        if self._items * TOLD_PART >= UNREAD_ITEMS or self._bytes * TOLD_PART >= UNREAD_BYTES:
            await self._house.tell(self)

    # What it is told

    def told(self) -> None:
        """The runner was told where this reader is."""
        self._items = self._bytes = 0

    def deliver(self, delivery: Delivery) -> None:
        if delivery.position is None:
            self._hear_claim(delivery.message[1:])
        elif len(self._waiting) < WINDOW_ITEMS and self._size < WINDOW_BYTES:
            self._waiting.append(delivery)
            self._size += len(delivery.message)
        else:
            self._behind = True
        self._news.set()

    def _hear_claim(self, token: bytes) -> None:
        # All hear the claims in one order, and the last one counts: what was claimed before this reader's own claim is over.
        if token == self._token:
            self._claimed = True
        elif self._claimed:
            self._taken_over = True
            self.overtaken()

    def look_again(self) -> None:
        """Something may have been missed."""
        self._behind = True
        self._news.set()

    def seen(self, *, at_work: bool) -> None:
        """Whether a worker had the stream when it was looked for."""
        self._unseen = 0 if at_work else self._unseen + 1
        if self._unseen >= LOOKS:
            self._orphaned = True
            self._news.set()
