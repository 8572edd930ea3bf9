"""Many workers, one Redis (or Valkey) of at least version 7, or a cluster of them."""

from fusewire.broker.plain.redis import RedisBroker

__all__ = ["RedisBroker"]
