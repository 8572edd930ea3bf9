"""Calls over one WebSocket: frames of msgpack messages, see docs/PROTOCOL.md."""

from fusewire.transports.websocket.endpoint import SUBPROTOCOL, Endpoint

__all__ = ["SUBPROTOCOL", "Endpoint"]
