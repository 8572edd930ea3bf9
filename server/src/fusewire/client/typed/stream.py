"""The items of a call that streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, Protocol, Self, TypeVar

from pydantic import ValidationError

from fusewire.client.errors import RemoteError
from fusewire.errors import RpcError

T = TypeVar("T")


class Items(Protocol):
    """Plain items, over any transport."""

    @property
    def id(self) -> str | None:
        """The name under which the stream can be resumed."""

    @property
    def position(self) -> str | None:
        """Where it stands behind the last item that was taken."""

    async def start(self) -> object:
        """Send the call, unless it was."""

    async def __anext__(self) -> Any:
        """Raises `StopAsyncIteration`."""

    async def aclose(self) -> None:
        """Cancel. Nothing when the stream is over."""


class Stream(AsyncIterator[T], Generic[T]):
    """`async for` reads it, once. The end of `async with` and `aclose()` cancel in Python; `break` does when nobody holds the stream.

    The call is sent for the first item, or at the beginning of `async with`. Credit is granted as items are taken.
    """

    def __init__(
        self, items: Items, read: Callable[[Any], T], typed: Callable[[RemoteError], RpcError[Any]]
    ) -> None:
        self._items = items
        self._read = read
        self._typed = typed

    async def __anext__(self) -> T:
        try:
            item = await self._items.__anext__()
        except RemoteError as error:
            raise self._typed(error) from None
        try:
            return self._read(item)
        except ValidationError:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Cancel in Python. Nothing when the stream is over."""
        await self._items.aclose()

    async def __aenter__(self) -> Self:
        await self._items.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


class ResumableStream(Stream[T]):
    """A stream that goes on when its connection is lost: each item once and in order, from whatever worker.

    `client.chat.resume(id, position)` goes on with it in another process. What ends it early cancels in Python, also while there is no
    connection.
    """

    @property
    def id(self) -> str | None:
        """What `resume` takes: with it and the same identity the stream can be read. None until the server has told it, and over HTTP."""
        return self._items.id

    @property
    def position(self) -> str | None:
        """Behind the last item that was read; what `resume` takes besides. None before the first one, and over HTTP."""
        return self._items.position
