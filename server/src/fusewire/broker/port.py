"""What the hub asks of a broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Deliver = Callable[[str, bytes], None]
"""Called with a topic and an encoded event, in the order of that topic. Must not block and must not raise."""


class Broker(Protocol):
    def attach(self, deliver: Deliver) -> None: ...

    async def subscribe(self, topic: str) -> None: ...

    async def unsubscribe(self, topic: str) -> None: ...

    async def publish(self, topic: str, message: bytes) -> None: ...
