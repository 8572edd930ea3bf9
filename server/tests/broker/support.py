"""A listener that keeps what it was told, and checks on the way that nothing is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fusewire.broker.backoff import full_jitter
from fusewire.broker.port import Delivery, Retention
from fusewire.broker.redis.timing import Timing

KEPT = Retention(seconds=300, count=1_000)

QUICK = Timing(
    confirm=5.0,
    idle=0.3,
    check=0.2,
    backoff=full_jitter(0.005, 0.05),
    repeat=full_jitter(0.005, 0.05),
)
QUIET = Timing(
    confirm=5.0, idle=60.0, check=60.0, backoff=full_jitter(0.005, 0.05), repeat=full_jitter(0.005, 0.05)
)
"""Nothing by itself: what is found is found by what happens."""


class Recorder:
    """`faults`: deliveries that did not follow from the one before, or from the gap that was told."""

    def __init__(self) -> None:
        self.deliveries: list[tuple[str, Delivery]] = []
        self.gaps: list[tuple[str, str]] = []
        self.faults: list[str] = []
        self._messages: dict[str, list[bytes]] = {}
        self._at: dict[str, str] = {}
        self._changed = asyncio.Event()

    def deliver(self, topic: str, delivery: Delivery) -> None:
        if delivery.position is not None:
            if self._at.get(topic, delivery.previous) != delivery.previous:
                self.faults.append(f"{topic}: {delivery.previous} does not follow {self._at[topic]}")
            self._at[topic] = delivery.position
        self.deliveries.append((topic, delivery))
        self._messages.setdefault(topic, []).append(delivery.message)
        self._changed.set()

    def gap(self, topic: str, position: str) -> None:
        self._at[topic] = position
        self.gaps.append((topic, position))
        self._changed.set()

    def messages(self, topic: str) -> list[bytes]:
        return self._messages.get(topic, [])

    def last(self) -> bytes | None:
        return self.deliveries[-1][1].message if self.deliveries else None

    async def until(self, condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
        """`condition` is asked after each thing that was told."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def told(self, topic: str, *messages: bytes) -> None:
        """Wait for as many messages, and compare."""
        await self.until(lambda: len(self.messages(topic)) >= len(messages))
        assert self.messages(topic) == list(messages)
        assert self.faults == []


async def eventually(condition: Callable[[], bool | Awaitable[bool]], *, seconds: float = 10.0) -> None:
    """For what nobody tells: ask until it is so."""
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.01)
