"""Sizes: everything that a peer can make large, with its bound and its unit."""

from __future__ import annotations

from dataclasses import dataclass, fields

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one connection may use. Every number is a maximum; its unit is in its name, plain counts have none.

    Ordinary use never meets one: the client queues calls and grants credit by the numbers that *welcome* tells it.
    Raises `ValueError` for a number below 1.
    """

    hello_seconds: float = 5.0
    identify_seconds: float = 10.0
    """For the app's identity loader; a caller is not served before it has answered."""
    held_bytes: int = 64 * KIB
    """Frames that arrive before welcome."""
    message_bytes: int = 1 * MIB
    frame_bytes: int = 2 * MIB
    frame_messages: int = 1024
    depth: int = 32
    elements: int = 10_000
    calls: int = 64
    streams: int = 32
    refreshes: int = 4
    """Changes of identity that wait for the one before."""
    stream_items: int = 64
    stream_bytes: int = 256 * KIB
    result_bytes: int = 16 * MIB
    outgoing_bytes: int = 1 * MIB
    """Waiting to be sent, besides what is being written. Results wait for room, items already while `stream_bytes` wait; events
    that find none close the connection as `slow`."""
    ephemeral_bytes: int = 64 * KIB
    """Ephemeral events that wait besides, while the socket takes no more. The oldest are dropped for newer ones."""
    rooms: int = 256
    """That one session is in. A client that comes back names them all in its first frame, which is one of `held_bytes`."""
    form_fields: int = 1_000
    form_files: int = 100
    malformed_messages: int = 20
    heartbeat_seconds: float = 25.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise ValueError(f"Bounds.{field.name} must be above 0")
