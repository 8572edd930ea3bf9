"""One process is all there is: what is published is delivered at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fusewire.broker.plain.port import Deliver


class MemoryBroker:
    def __init__(self) -> None:
        self._deliver: Deliver | None = None

    def attach(self, deliver: Deliver) -> None:
        self._deliver = deliver

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        yield

    async def subscribe(self, topic: str) -> None:
        """Every topic is here."""

    async def unsubscribe(self, topic: str) -> None:
        """Every topic is here."""

    async def publish(self, topic: str, message: bytes) -> None:
        if self._deliver is not None:
            self._deliver(topic, message)
