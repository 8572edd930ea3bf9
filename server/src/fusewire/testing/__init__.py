"""Calling an app from its tests, over the real protocol and without a network. See docs/testing.md."""

from fusewire.client import Client, ConnectionLost, EventsLostError, RemoteCall
from fusewire.testing.connect import connect

__all__ = ["Client", "ConnectionLost", "EventsLostError", "RemoteCall", "connect"]
