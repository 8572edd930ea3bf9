"""What the hub asks of a broker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

Deliver = Callable[[str, bytes], None]
"""Called with a topic and an encoded event, in the order of that topic. Must not block and must not raise."""


class Broker(Protocol):
    def attach(self, deliver: Deliver) -> None: ...

    def running(self) -> AbstractAsyncContextManager[None]:
        """Owns whatever the broker runs in the background; entered with the app's lifespan."""
        ...

    async def subscribe(self, topic: str) -> None:
        """Returns when events published from now on are delivered here."""
        ...

    async def unsubscribe(self, topic: str) -> None: ...

    async def publish(self, topic: str, message: bytes) -> None:
        """Raises when the event could not be handed on."""
        ...
