"""Keys that run out, without a timer for each."""

from __future__ import annotations

import heapq


class Deadlines:
    """When each key is to be looked at again, in seconds of the owner's clock. One entry per key, however often it is moved."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._due)

    def put(self, key: str, when: float) -> None:
        """Only a key that has none, or a later one, is put on the heap: the others are moved when their time comes."""
        known = self._due.get(key)
        self._due[key] = when
        if known is None or when < known:
            heapq.heappush(self._heap, (when, key))
            if len(self._heap) > 2 * len(self._due) + 64:
                # What was dropped before its time would stay until then.
                self._heap = [(due, key) for key, due in self._due.items()]
                heapq.heapify(self._heap)

    def drop(self, key: str) -> None:
        self._due.pop(key, None)

    def pop_due(self, now: float) -> str | None:
        """A key whose time has come, taken out; None when there is none."""
        while self._heap and self._heap[0][0] <= now:
            planned, key = heapq.heappop(self._heap)
            when = self._due.get(key)
            if when is None or when < planned:
                continue
            if when > now:
                heapq.heappush(self._heap, (when, key))
                continue
            del self._due[key]
            return key
        return None
