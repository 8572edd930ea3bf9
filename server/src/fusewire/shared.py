"""What the workers of one app share: events, what outlives connections, and where rates are counted."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fusewire.broker import Broker, MemoryBroker, MemoryStore, Store
from fusewire.quota import Limiter, MemoryLimiter

if TYPE_CHECKING:
    from fusewire.broker.redis import RedisBroker


@dataclass(frozen=True, slots=True)
class Shared:
    """In one process, or in Redis."""

    broker: Broker
    store: Store
    limiter: Limiter

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        try:
            async with self.broker.running():
                yield
        finally:
            try:
                await self.store.aclose()
            finally:
                await self.limiter.aclose()


def shared_by_workers(broker: Broker | str | None, name: str) -> Shared:
    """`broker`: a URL such as `redis://localhost`, or `redis+cluster://one:6379,two:6379` with some nodes of a cluster; None: the
    environment's `REDIS_URL`, else this process alone.

    Raises `ValueError` for another URL, and `ImportError` when redis-py is not installed.
    """
    if not isinstance(broker, str | None):
        return Shared(broker, MemoryStore(), MemoryLimiter())
    url = broker or os.environ.get("REDIS_URL")
    if not url:
        return Shared(MemoryBroker(), MemoryStore(), MemoryLimiter())
    _check(url)
    try:
        from fusewire.broker.redis import RedisBroker, RedisStore
        from fusewire.quota.redis import RedisLimiter
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return Shared(RedisBroker(url, name=name), RedisStore(url, name=name), RedisLimiter(url, name=name))


def broker_to_publish(url: str, name: str) -> RedisBroker:
    """For a process that only publishes; it ends with `aclose()`. Raises what `shared_by_workers` does."""
    _check(url)
    try:
        from fusewire.broker.redis import RedisBroker
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return RedisBroker(url, name=name)


_MISSING = "a Redis broker needs redis-py: the extra fusewire[redis], see docs/server.md, Installing"


def _check(url: str) -> None:
    if url.partition("://")[0] not in ("redis", "rediss", "redis+cluster", "rediss+cluster"):
        # Not the URL itself: it may hold a password.
        raise ValueError("broker= (or REDIS_URL) must be a redis:// or rediss:// URL, or redis+cluster://")
