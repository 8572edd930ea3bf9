"""For how long events are kept for those who are away."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

from fusewire.broker.port import Retention
from fusewire.durations import seconds_of

Kept = tuple[str, int]
"""How long, such as `"5m"`, and how many events at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Retention of each audience's events, per topic. Who comes back within it misses nothing (docs/guarantees.md).

    Raises `ValueError` for a length of time that is none, and for a count below 1.
    """

    user: Kept = ("5m", 1_000)
    room: Kept = ("5m", 10_000)
    broadcast: Kept = ("5m", 10_000)

    def __post_init__(self) -> None:
        for field in fields(self):
            _retention(getattr(self, field.name))

    def of(self, topic: str) -> Retention:
        """What holds for a topic. A session's own is kept as a user's."""
        if topic.startswith("room:"):
            return _retention(self.room)
        return _retention(self.broadcast if topic == "all" else self.user)

    @property
    def longest_seconds(self) -> float:
        """For so long after it was last connected somebody may still come back and miss nothing."""
        return max(_retention(getattr(self, field.name)).seconds for field in fields(self))


@cache
def _retention(kept: Kept) -> Retention:
    seconds, count = kept
    return Retention(seconds_of(seconds), count)
