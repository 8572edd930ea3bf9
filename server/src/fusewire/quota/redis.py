"""Rates counted in Redis, once for all workers."""

from __future__ import annotations

import math
import time
from typing import Any

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisClusterStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import BlockingConnectionPool, RedisCluster
from redis.exceptions import RedisError

from fusewire.errors import Unavailable
from fusewire.quota.rate import Rate


class RedisLimiter:
    """A moving window per key. `url` and `name` as for the broker.

    Raises `Unavailable` when Redis does not answer: a limit that cannot be counted is not a limit.
    """

    def __init__(self, url: str, *, name: str = "app") -> None:
        self._storage = _storage(url, f"fusewire:{name}:limit")
        self._window = MovingWindowRateLimiter(self._storage)

    async def hit(self, key: str, rate: Rate) -> float:
        item = RateLimitItemPerSecond(rate.amount, rate.seconds, namespace="")
        try:
            if await self._window.hit(item, key):
                return 0.0
            reset = (await self._window.get_window_stats(item, key)).reset_time
        except (RedisError, OSError) as error:
            raise Unavailable(message="Limits cannot be counted right now") from error
        return max(1.0, math.ceil(reset - time.time()))

    async def aclose(self) -> None:
        bridge: Any = self._storage.bridge
        client = bridge.storage
        # A client that was given its pool leaves it open when it is closed; one of a cluster has none.
        await (client.aclose() if isinstance(client, RedisCluster) else client.connection_pool.disconnect())


def _storage(url: str, prefix: str) -> RedisStorage:
    scheme, _, rest = url.partition("://")
    if scheme.endswith("+cluster"):
        return RedisClusterStorage(
            f"async+redis+cluster://{rest}",
            implementation="redispy",
            key_prefix=prefix,
            socket_timeout=5,
            ssl=scheme.startswith("rediss"),
        )
    pool = BlockingConnectionPool.from_url(url, max_connections=32, timeout=5, socket_timeout=5)
    return RedisStorage(
        f"async+{url}",
        implementation="redispy",
        key_prefix=prefix,
        connection_pool=pool,  # type: ignore[arg-type]  # handed on to redis-py; its type there is too narrow
    )
