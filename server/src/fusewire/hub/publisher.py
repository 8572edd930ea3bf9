"""From an event to the broker: all that an emitting process needs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pydantic import BaseModel

from fusewire.broker.port import Broker
from fusewire.events import EventRegistry
from fusewire.hub.history import History


class Publisher:
    def __init__(self, broker: Broker, events: EventRegistry, history: History) -> None:
        self._broker = broker
        self._events = events
        self._history = history

    async def publish(self, topics: Iterable[str], event: BaseModel) -> None:
        """Emit to many topics. Each is a step of its own: a failure in between leaves the earlier ones emitted.

        Raises `BrokerError`, and `TypeError` for a model that is not an event of this app.
        """
        stored, kept = self._events.store(event), self._events.of(event).history
        for topic in topics:
            await self._broker.publish(topic, stored, self._history.of(topic) if kept else None)
        # In one process nothing above waits: who emits in a loop lets the writers of those who listen have their turn.
        await asyncio.sleep(0)
