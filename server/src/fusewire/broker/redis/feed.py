"""One subscribed topic: events come out in order, each once, and a hole is seen.

No I/O: it is told what arrived, and says what to deliver.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from enum import Enum, auto

from fusewire.broker.port import Delivery, Retention
from fusewire.broker.positions import after

HELD = 1_000
HELD_BYTES = 1 << 20
"""What is held of one topic while its history is read. What does not fit is read from history as well."""


class State(Enum):
    AWAY = auto()
    """The channel is not confirmed: nothing arrives, or it cannot be relied on."""
    CHECKING = auto()
    """The channel is confirmed; where the topic stands is being asked."""
    BEHIND = auto()
    """Something is missing and being read from history."""
    LIVE = auto()
    """What arrives is what comes next."""


class Feed:
    """`last`: the position up to which everything was delivered; None until the topic's position has been asked for."""

    __slots__ = (
        "_held",
        "_held_bytes",
        "_overflowed",
        "key",
        "last",
        "link",
        "ready",
        "retention",
        "state",
        "sure_at",
        "topic",
        "unannounced",
    )

    def __init__(self, topic: str, key: str, retention: Retention) -> None:
        self.topic = topic
        self.key = key
        self.retention = retention
        self.state = State.AWAY
        self.last: str | None = None
        self.ready = asyncio.Event()
        """Set when `last` is known."""
        self.unannounced = False
        """A subscriber was told that the position is not known yet, and waits for `gap` to hear it."""
        self.sure_at = time.monotonic()
        """When it was last known that nothing is missing: something followed what was delivered before, or Redis was asked."""
        self.link = 0
        """Counts confirmations: an answer to a question asked before the latest one proves nothing."""
        self._held: deque[Delivery] = deque()
        self._held_bytes = 0
        self._overflowed = False

    def __repr__(self) -> str:
        return f"<Feed {self.topic} {self.state.name} {self.last} held={len(self._held)}>"

    @property
    def live(self) -> bool:
        return self.state is State.LIVE

    def lost(self) -> None:
        """The link is down, or the channel moved."""
        self.state = State.AWAY
        self._let_go()

    def confirmed(self) -> None:
        """From here on whatever is published arrives; what was published before may not have."""
        self.state = State.CHECKING
        self.link += 1
        self._let_go()

    def arrived(self, delivery: Delivery) -> bool:
        """Whether to deliver it now. Afterwards `state` may be BEHIND: then history is to be read."""
        if self.state is not State.LIVE:
            self._hold(delivery)
            return False
        return self._next(delivery)

    def asked(self, top: str) -> str | None:
        """Where the topic stands, asked since the channel was confirmed. Returns the position to announce as a gap, if any."""
        if self.state is State.AWAY:
            return None
        if self.state is State.CHECKING:
            if self.last is None:
                self.last = top
                self.ready.set()
            self.state = State.LIVE if self.last == top else State.BEHIND
        elif self.state is State.LIVE and self.last != top:
            # Either pushes are lost, or they are on their way: reading history is right in both cases.
            self.state = State.BEHIND
        if self.unannounced:
            self.unannounced = False
            return self.last
        return None

    def read(self, top: str, entries: Sequence[Delivery]) -> tuple[Sequence[Delivery], str | None]:
        """History after `last`. Returns what to deliver, and the position to announce as a gap, if any.

        Afterwards `state` is BEHIND as long as there is more to read.
        """
        expected = self.last
        for entry in entries:
            if entry.previous != expected:
                break
            expected = entry.position
        else:
            if entries or top == expected:
                self.last = expected
                self.sure_at = time.monotonic()
                if expected == top:
                    self.state = State.LIVE
                return entries, None
        # The history does not reach back to what was delivered last, or is another one.
        self.last = top
        self.state = State.LIVE
        return (), top

    def release(self) -> list[Delivery]:
        """What was held meanwhile and comes next. Call it whenever `state` has become LIVE; it may be BEHIND again afterwards."""
        deliveries = []
        while self._held and self.state is State.LIVE:
            held = self._held.popleft()
            self._held_bytes -= len(held.message)
            if self._next(held):
                deliveries.append(held)
        if self._overflowed and self.state is State.LIVE:
            self._overflowed = False
            self.state = State.BEHIND
        return deliveries

    def _next(self, delivery: Delivery) -> bool:
        if delivery.position is None:
            return True
        if delivery.previous == self.last:
            self.last = delivery.position
            self.sure_at = time.monotonic()
            return True
        if self.last is None or after(delivery.position, self.last):
            self.state = State.BEHIND
            self._held.appendleft(delivery)
            self._held_bytes += len(delivery.message)
        return False

    def _hold(self, delivery: Delivery) -> None:
        if self.state is State.AWAY or self._overflowed:
            return
        self._held.append(delivery)
        self._held_bytes += len(delivery.message)
        if len(self._held) > HELD or self._held_bytes > HELD_BYTES:
            self._let_go()
            self._overflowed = True

    def _let_go(self) -> None:
        self._held.clear()
        self._held_bytes = 0
        self._overflowed = False
