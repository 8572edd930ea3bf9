"""What the hub asks of a broker.

A **topic** is a line of events. Its **position** is the id of its newest event, `"<number>-<number>"`, opaque to everyone but the
broker. Every stored event names the position before its own, so whoever holds a position can tell that nothing lies between: that is
the only proof of completeness there is, here and in the brokers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class BrokerError(ConnectionError):
    """Redis could not be reached, or did not take what it was given. An event may then have been published or not.

    Raised by `emit()`, by the `emit()` of `fuse.to()`, of a room, of `fuse.broadcast()` and of an `Emitter`, and by a room's `join()`,
    `leave()`, `remove()` and `presence()`. An app without Redis never sees it.
    """


@dataclass(frozen=True, slots=True)
class Retention:
    """How long (`seconds`) and how many (`count`) events of a topic are kept. Both are promises; a broker may keep more for a while.

    `together`: its events run out all at once, so long after the topic was last published to or subscribed to; none of them does before.
    """

    seconds: float
    count: int
    together: bool = False

    def __post_init__(self) -> None:
        if self.seconds <= 0 or self.count < 1:
            raise ValueError("a retention is at least one event, for more than no time")


class Delivery(NamedTuple):
    """One event. Without positions it is ephemeral: never stored, never replayed, and lost when the link is down."""

    previous: str | None
    position: str | None
    message: bytes


class Replay(NamedTuple):
    """What came after a position. `entries` are all of it, in order, up to `top`; or none at all, when `recovered` is false."""

    entries: Sequence[Delivery]
    recovered: bool
    top: str


class Listener(Protocol):
    """Who gets what a broker brings. Neither method may block or raise."""

    def deliver(self, topic: str, delivery: Delivery) -> None:
        """The next event of a subscribed topic. `delivery.previous` is where the one before, or `gap`, or `subscribe` left off."""
        ...

    def gap(self, topic: str, position: str) -> None:
        """Events may be missing and cannot be had any more. The topic goes on from `position`."""
        ...


class Broker(Protocol):
    def attach(self, listener: Listener) -> None: ...

    @property
    def healthy(self) -> bool:
        """Whether events reach this process at the moment. What is missed meanwhile is made up for, or told as a gap."""
        ...

    def running(self) -> AbstractAsyncContextManager[None]:
        """Owns whatever the broker runs in the background; entered with the app's lifespan."""
        ...

    async def subscribe(self, topic: str, retention: Retention) -> str | None:
        """Returns the topic's position: deliveries go on from exactly there, if the caller takes it before it waits for anything else.

        Subscribing again only asks for the position. None: the broker is away; when it is back, `gap` tells where the topic begins.
        `retention`: as of this topic's events; the position of a subscribed topic is remembered for at least that long afterwards.
        """
        ...

    def unsubscribe(self, topic: str) -> None:
        """Nothing of this topic is delivered any more."""
        ...

    async def publish(self, topic: str, message: bytes, retention: Retention | None) -> str | None:
        """Returns the event's position; None for an ephemeral one (`retention` None).

        Atomic for this one topic: the event is stored and its subscribers are told, or neither. Raises `BrokerError`.
        """
        ...

    async def since(self, topic: str, position: str, *, limit: int, max_bytes: int) -> Replay:
        """All events after `position`, which may come from anyone: what this topic never had, or has no more, is not recovered.

        Never partial: more than `limit` events or `max_bytes` of messages is not recovered either. Subscribe first, so that nothing
        falls in between; deliveries up to `top` may then come as well, and `positions.after` tells them apart. Raises `BrokerError`.
        """
        ...
