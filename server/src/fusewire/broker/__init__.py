"""How an event gets from the worker that emits it to the workers that hold its listeners, and what workers remember together."""

from fusewire.broker.memory import MemoryBroker
from fusewire.broker.memory_store import MemoryStore
from fusewire.broker.port import Broker, BrokerError, Delivery, Listener, Replay, Retention
from fusewire.broker.store import Store

__all__ = [
    "Broker",
    "BrokerError",
    "Delivery",
    "Listener",
    "MemoryBroker",
    "MemoryStore",
    "Replay",
    "Retention",
    "Store",
]
