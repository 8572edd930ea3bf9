"""What callers hold: procedures as attributes."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, Literal

from fusewire.client.call import RemoteCall
from fusewire.client.connection import Connection
from fusewire.client.exchange import Request, Timeout
from fusewire.client.inbox import Events
from fusewire.client.values import plain

EVENT_SECONDS = 5.0
"""How long to wait for an event unless said otherwise."""


class Procedure:
    """A procedure, or a namespace: `client.teams.rename`. Calling it gives a `RemoteCall`.

    Attributes are made up as they are asked for, so a type checker knows none of them: names, arguments and results are `Any`, and a
    misspelt name fails as `UNKNOWN_PROCEDURE` when it is called.
    """

    __slots__ = ("_connection", "_name", "_timeout")

    def __init__(self, connection: Connection, name: str, timeout: Timeout) -> None:
        self._connection = connection
        self._name = name
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"<procedure {self._name}>"

    def __getattr__(self, name: str) -> Procedure:
        return Procedure(self._connection, f"{self._name}.{_public(name)}", self._timeout)

    def __call__(self, /, *args: Any, **kwargs: Any) -> RemoteCall:
        """Arguments are plain Python values, models, dataclasses, and for a parameter that is a stream an async iterable.

        Results are plain data as they are on the wire: dicts, lists, numbers, text, `bytes`, aware datetimes.
        Raises `TypeError` for more than one async iterable.
        """
        sources = [value for value in (*args, *kwargs.values()) if isinstance(value, AsyncIterable)]
        if len(sources) > 1:
            raise TypeError(f"{self._name}: at most one argument may be a stream, {len(sources)} are")
        request = Request(
            name=self._name,
            # The stream keeps its position, and has no value of its own (PROTOCOL §3).
            args=[None if isinstance(value, AsyncIterable) else plain(value) for value in args],
            kwargs={
                name: plain(value) for name, value in kwargs.items() if not isinstance(value, AsyncIterable)
            },
            timeout=self._timeout,
            upload=sources[0] if sources else None,
        )
        return RemoteCall(self._connection, request)


class Client:
    """The procedures of one connection. `client["event"]` reaches one whose name is a member here."""

    __slots__ = ("_connection", "_timeout")

    def __init__(self, connection: Connection, *, timeout: Timeout = "default") -> None:
        self._connection = connection
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"<Client {self.status}>"

    def __getattr__(self, name: str) -> Procedure:
        return self[_public(name)]

    def __getitem__(self, name: str) -> Procedure:
        """A procedure by its full name, such as `teams.rename`."""
        return Procedure(self._connection, name, self._timeout)

    def with_(self, *, timeout: float | None) -> Client:
        """The same client whose calls, streams too, get so many seconds; None is no deadline. Raises `ValueError` for 0 or less."""
        if timeout is not None and timeout <= 0:
            raise ValueError("timeout must be above 0, or None")
        return Client(self._connection, timeout=timeout)

    async def event(self, name: str, *, within: float | None = EVENT_SECONDS) -> Any:
        """The next event of that name, as plain data. Events are kept from the connection's beginning and each is given out once.

        Raises `TimeoutError` when none came `within` so many seconds (None: wait for ever), `ConnectionLost` when no more can come,
        `EventsLostError` when more waited than are kept.
        """
        return await self._connection.events.take(name, within=within)

    def events(self, name: str, *, within: float | None = EVENT_SECONDS) -> AsyncIterator[Any]:
        """One after the other what `event` gives, until it raises. `within` is for each."""
        return Events(self._connection.events, name, within)

    async def reauthenticate(
        self, *, token: str | None = None, credentials: dict[str, Any] | None = None
    ) -> None:
        """Show new credentials on this connection: later calls run as whom they name; without any, as nobody.

        Raises `RpcError` (`UNAUTHENTICATED`) when they are refused; the server then closes the connection.
        """
        await self._connection.refresh(payload_of(token, credentials))

    async def close(self) -> None:
        """Close now. Calls under way fail with `ConnectionLost`."""
        await self._connection.close()

    async def closed(self) -> int:
        """Wait until the connection is closed, by whichever side; its close code."""
        return await self._connection.ended()

    @property
    def close_code(self) -> int | None:
        """The WebSocket close code (PROTOCOL §6); None while open."""
        return self._connection.close_code

    @property
    def status(self) -> Literal["connected", "draining", "closed"]:
        """`draining`: calls under way finish, new ones fail with `UNAVAILABLE`."""
        if self._connection.close_code is not None:
            return "closed"
        return "draining" if self._connection.draining else "connected"


def payload_of(token: str | None, credentials: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the identity loader gets as `payload`. Raises `ValueError` for a token said twice."""
    if token is None:
        return credentials
    if credentials and "token" in credentials:
        raise ValueError("the token is given twice, in token= and in credentials=")
    return {**(credentials or {}), "token": token}


def _public(name: str) -> str:
    # Python, pytest and debuggers ask objects for private names; answering with a procedure would confuse them.
    if name.startswith("_"):
        raise AttributeError(name)
    return name
