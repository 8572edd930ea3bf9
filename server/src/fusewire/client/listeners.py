"""Who listens to events: functions that are called, and readers that take one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, Self, TypeVar

from fusewire.errors import RpcError

MAX_BUFFERED_EVENTS = 1024
"""How many events wait for a reader; one more ends its iteration with `EVENTS_OVERFLOW`."""

T = TypeVar("T")
Handler = Callable[[Any], object]


class EventsOverflow(RpcError, status=429):
    """More events came than wait for a reader who is slow."""


class Listeners:
    """By event name. What one handler raises reaches `on_error`, and disturbs neither the others nor the connection."""

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._handlers: dict[str, list[Handler]] = {}
        self._queues: set[EventQueue] = set()

    def on(self, name: str, handler: Handler) -> Callable[[], None]:
        """Call `handler` for every event of that name, until the returned function is called."""
        handlers = self._handlers.setdefault(name, [])

        # Twice the same function is two listeners, and each goes by itself.
        def listener(value: Any) -> object:
            return handler(value)

        handlers.append(listener)

        def off() -> None:
            if listener in handlers:
                handlers.remove(listener)

        return off

    def queue(self, name: str) -> EventQueue:
        """The events of that name from now on."""
        queue = EventQueue(self._queues.discard)
        queue.off = self.on(name, queue.put)
        self._queues.add(queue)
        return queue

    def emit(self, name: str, value: Any) -> None:
        for handler in [*self._handlers.get(name, ())]:
            try:
                handler(value)
            except Exception as error:  # noqa: BLE001  # the handler is the user's code
                self._on_error(error)

    def fail(self, error: RpcError) -> None:
        """No more events will come: end what waits for one. Functions stay, for a session that is started again."""
        for queue in [*self._queues]:
            queue.end(error)


class EventQueue:
    """Events that wait for their reader, and then perhaps an error."""

    def __init__(self, forget: Callable[[EventQueue], None]) -> None:
        self.off: Callable[[], None] = lambda: None
        self._forget = forget
        self._events: deque[Any] = deque()
        self._error: RpcError | None = None
        self._ended = False
        self._changed = asyncio.Event()

    def put(self, value: Any) -> None:
        if len(self._events) >= MAX_BUFFERED_EVENTS:
            self.end(EventsOverflow(message=f"{MAX_BUFFERED_EVENTS} events wait"))
        else:
            self._events.append(value)
            self._changed.set()

    def end(self, error: RpcError | None = None) -> None:
        """Listen no more. What waits can still be taken; then the reader gets the error."""
        if not self._ended:
            self._ended = True
            self._error = error
            self.off()
            self._forget(self)
            self._changed.set()

    async def take(self) -> Any:
        """Raises the error, or `StopAsyncIteration` behind it."""
        while not self._events:
            if self._ended:
                error, self._error = self._error, None
                raise StopAsyncIteration if error is None else error
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()

    def drop(self) -> None:
        """The reader has left."""
        self._events.clear()
        self._error = None
        self.end()


class EventStream(AsyncIterator[T], Generic[T]):
    """The events of one kind since it was made, for one reader. `async with` or `aclose()` to stop listening; so does dropping it."""

    def __init__(self, queue: EventQueue, read: Callable[[Any], T]) -> None:
        self._queue = queue
        self._read = read

    async def __anext__(self) -> T:
        return self._read(await self._queue.take())

    async def aclose(self) -> None:
        """Listen no more."""
        self._queue.drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        self._queue.drop()
