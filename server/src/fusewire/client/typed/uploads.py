"""What can be sent as a stream or as a file."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any, BinaryIO, TypeVar

T = TypeVar("T")

Source = AsyncIterable[T] | Iterable[T]
"""The items of a parameter that is a stream."""

File = bytes | BinaryIO | tuple[str, bytes | BinaryIO] | tuple[str, bytes | BinaryIO, str]
"""A file to upload: what is in it, or its name and that, or its name, that, and its content type."""


def each(source: Source[Any]) -> AsyncIterable[Any]:
    """`source` as an async iterable. Raises `TypeError` when it is no iterable at all."""
    if isinstance(source, AsyncIterable):
        return source
    return _Each(iter(source))


class _Each(AsyncIterator[Any]):
    def __init__(self, items: Any) -> None:
        self._items = items

    async def __anext__(self) -> Any:
        for item in self._items:
            return item
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close a generator; a list needs nothing."""
        if (close := getattr(self._items, "close", None)) is not None:
            close()
