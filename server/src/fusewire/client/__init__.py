"""The client's side of the wire: a machine without I/O, and a shell that works over any duplex of frames."""

from fusewire.client.call import RemoteCall
from fusewire.client.client import Client, payload_of
from fusewire.client.duplex import Duplex, DuplexClosed
from fusewire.client.errors import ConnectionLost, RemoteError
from fusewire.client.inbox import EventsLostError
from fusewire.client.open import open_connection

__all__ = [
    "Client",
    "ConnectionLost",
    "Duplex",
    "DuplexClosed",
    "EventsLostError",
    "RemoteCall",
    "RemoteError",
    "open_connection",
    "payload_of",
]
