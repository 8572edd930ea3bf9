"""Events from a process that serves nobody, such as a job worker."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from pydantic import BaseModel

from fusewire.events import EventRegistry
from fusewire.hub import Audience, History, Publisher
from fusewire.hub.topics import ALL, check_room_name, room_topic, user_topic
from fusewire.procedures.values import NaiveDatetimes
from fusewire.router import Entry, EventDefinition, Router
from fusewire.shared import broker_to_publish


class Emitter:
    """`async with Emitter(redis_url, events=jobs.rpc) as emitter: await emitter.to(user).emit(JobStatus(...))`.

    `redis_url`: the app's, as in `Fuse(broker=...)`. `events`: a router, whose events are known as they were declared, or models, which are
    kept as history. `name`, `history` and `naive_datetime` must be the app's. It holds no connection until something is emitted.

    Raises `ValueError` for another URL, `ImportError` when redis-py is not installed, and `RegistrationError` for what is no event.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        events: Router | Iterable[type[BaseModel] | Router],
        name: str = "app",
        history: History | None = None,
        naive_datetime: NaiveDatetimes = "error",
    ) -> None:
        self._broker = broker_to_publish(redis_url, name)
        self._events = EventRegistry(naive=naive_datetime)
        given: Iterable[type[BaseModel] | Router] = (events,) if isinstance(events, Router) else events
        for event in given:
            if isinstance(event, Router):
                event.subscribe(self._add)
            else:
                self._events.add(event, history=True)
        self._publish = Publisher(self._broker, self._events, history or History()).publish

    def __repr__(self) -> str:
        return f"<Emitter {', '.join(event.name for event in self._events)}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Nothing is emitted any more."""
        await self._broker.aclose()

    def to(self, *users: str) -> Audience:
        """These users, on every device of theirs."""
        return Audience(self._publish, tuple(user_topic(user) for user in users))

    def room(self, name: str) -> Audience:
        """The sessions that joined a room. Raises `ValueError` for an empty name, `TooLarge` for one of more than 128 bytes."""
        check_room_name(name)
        return Audience(self._publish, (room_topic(name),))

    def broadcast(self) -> Audience:
        """Everybody who is connected."""
        return Audience(self._publish, (ALL,))

    def _add(self, entry: Entry) -> None:
        if isinstance(entry, EventDefinition):
            self._events.add(entry.model, history=entry.history, slow=entry.slow, key=entry.key)
