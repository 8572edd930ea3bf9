"""What a caller streams into a procedure (PROTOCOL §4, upload)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from fusewire.errors import InvalidArgument
from fusewire.procedures.resolve import error_list
from fusewire.procedures.sources import Field


class Upload:
    """An async iterator of the caller's items, validated as they are read.

    `items` and `size` (bytes) are the window: more than that never waits here. `grant` tells the caller what was taken.
    """

    __slots__ = (
        "_bytes",
        "_ended",
        "_field",
        "_grant",
        "_half",
        "_index",
        "_items",
        "_taken",
        "_waiting",
        "_wake",
    )

    def __init__(self, field: Field, *, items: int, size: int, grant: Callable[[int, int], None]) -> None:
        self._field = field
        self._items, self._bytes = items, size
        self._half = (items + 1) // 2, (size + 1) // 2
        self._grant = grant
        self._waiting: deque[tuple[Any, int]] = deque()
        self._taken = [0, 0]
        self._index = 0
        self._ended = False
        self._wake: asyncio.Event | None = None

    @property
    def ended(self) -> bool:
        return self._ended

    def feed(self, value: Any, size: int) -> bool:
        """Take an item in. False when the caller had no credit for it."""
        if self._items <= 0 or self._bytes <= 0:
            return False
        self._items -= 1
        self._bytes -= size
        self._waiting.append((value, size))
        self._notify()
        return True

    def end(self) -> None:
        self._ended = True
        self._notify()

    def __aiter__(self) -> Upload:
        return self

    async def __anext__(self) -> Any:
        """Raises `InvalidArgument` for an item that does not fit the declared type."""
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._wake = asyncio.Event()
            await self._wake.wait()
        value, size = self._waiting.popleft()
        self._give_back(size)
        index, self._index = self._index, self._index + 1
        try:
            return self._field.type.check(value)
        except ValidationError as error:
            raise InvalidArgument(error_list(error, (*self._field.location, str(index)))) from error

    def _give_back(self, size: int) -> None:
        self._taken[0] += 1
        self._taken[1] += size
        if not self._ended and (self._taken[0] >= self._half[0] or self._taken[1] >= self._half[1]):
            items, taken = self._taken
            self._items += items
            self._bytes += taken
            self._taken = [0, 0]
            self._grant(items, taken)

    def _notify(self) -> None:
        if self._wake is not None:
            self._wake.set()
            self._wake = None
