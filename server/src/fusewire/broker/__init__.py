"""How an event gets from the worker that emits it to the workers that hold its listeners."""

from fusewire.broker.plain.memory import MemoryBroker
from fusewire.broker.plain.port import Broker, Deliver

__all__ = ["Broker", "Deliver", "MemoryBroker"]
