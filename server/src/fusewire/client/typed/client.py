"""What a generated client is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar, overload

from fusewire.client.listeners import EventStream
from fusewire.client.status import Status
from fusewire.client.typed.core import Caller
from fusewire.client.typed.models import Event
from fusewire.client.typed.procedures import NamedEvent

T = TypeVar("T")
E = TypeVar("E", bound=Event)


class Namespace:
    """Procedures of one namespace."""

    def __init__(self, caller: Caller) -> None:
        self._fuse = caller


class BaseClient:
    """What every client has besides the procedures. The generator gives no procedure one of these names."""

    def __init__(self, caller: Caller) -> None:
        self._fuse = caller

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status.state}>"

    @property
    def status(self) -> Status:
        """Where the connection stands, and why."""
        return self._fuse.core.status

    def with_(self, *, timeout: float | None) -> Self:
        """The same client whose calls, streams too, get so many seconds; None is no deadline. Raises `ValueError` for 0 or less."""
        return type(self)(self._fuse.with_timeout(timeout))

    @overload
    def on(self, event: type[E], handler: Callable[[E], object]) -> Callable[[], None]: ...

    @overload
    def on(self, event: NamedEvent[T], handler: Callable[[T], object]) -> Callable[[], None]: ...

    def on(self, event: Any, handler: Callable[[Any], object]) -> Callable[[], None]:
        """Call `handler` for every such event, until the returned function is called. Connects."""
        return self._fuse.core.on(event, handler)

    @overload
    def events(self, event: type[E]) -> EventStream[E]: ...

    @overload
    def events(self, event: NamedEvent[T]) -> EventStream[T]: ...

    def events(self, event: Any) -> EventStream[Any]:
        """Such events from now on. Connects. Up to 1,024 wait for the reader; one more ends it with `EVENTS_OVERFLOW`."""
        return self._fuse.core.events(event)

    @overload
    async def once(self, event: type[E]) -> E: ...

    @overload
    async def once(self, event: NamedEvent[T]) -> T: ...

    async def once(self, event: Any) -> Any:
        """The next such event. Raises what the connection ended with, if it ends for good."""
        async with self._fuse.core.events(event) as events:
            return await anext(events)

    async def reauthenticate(self) -> None:
        """Ask `auth` again and tell the server, after a login or a logout. Raises what the new identity was refused with."""
        await self._fuse.core.reauthenticate()

    async def close(self) -> None:
        """End this client: its calls fail with `ConnectionLost`, now and later."""
        await self._fuse.core.close()
