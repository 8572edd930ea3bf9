"""Calls over one WebSocket: frames of msgpack messages, see docs/PROTOCOL.md."""

from fusewire.transports.websocket.endpoint import SUBPROTOCOL, add_endpoint

__all__ = ["SUBPROTOCOL", "add_endpoint"]
