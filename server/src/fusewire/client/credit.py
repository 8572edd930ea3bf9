"""How far either side of a stream may run ahead (PROTOCOL §4)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Grants:
    """For items that come in: what the reader took is granted again, when half of either window is together."""

    items: int
    size: int
    _open: int = field(init=False)
    _taken_items: int = 0
    _taken_size: int = 0

    def __post_init__(self) -> None:
        self._open = self.items

    def arrived(self) -> bool:
        """Count an item that came. False: there was no credit for it."""
        self._open -= 1
        return self._open >= 0

    def taken(self, size: int) -> tuple[int, int] | None:
        """The reader took an item of so many bytes. Items and bytes to grant now, if any."""
        self._taken_items += 1
        self._taken_size += size
        if self._taken_items * 2 < self.items and self._taken_size * 2 < self.size:
            return None
        granted = self._taken_items, self._taken_size
        self._open += self._taken_items
        self._taken_items = self._taken_size = 0
        return granted


class Allowance:
    """For items that go out: both above zero, or wait. What is granted beyond the window is not kept."""

    __slots__ = ("_items", "_most_items", "_most_size", "_size")

    def __init__(self, items: int, size: int) -> None:
        self._items = self._most_items = items
        self._size = self._most_size = size

    def __bool__(self) -> bool:
        return self._items > 0 and self._size > 0

    def spend(self, size: int) -> None:
        """One item. The bytes may be overdrawn: an item is never cut."""
        self._items -= 1
        self._size -= size

    def grant(self, items: int, size: int) -> None:
        self._items = min(self._items + items, self._most_items)
        self._size = min(self._size + size, self._most_size)
