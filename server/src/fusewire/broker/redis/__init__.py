"""Many workers, one Redis (or Valkey) of at least version 7, or a cluster of them."""

from fusewire.broker.redis.broker import RedisBroker
from fusewire.broker.redis.store import RedisStore

__all__ = ["RedisBroker", "RedisStore"]
