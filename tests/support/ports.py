"""Ports for servers that are told theirs before they listen."""

from __future__ import annotations

import random
import socket

# Below what systems give away by themselves (Linux: 32768 and up), so that no connection takes the port before its server has it.
# Another 10,000 above it lies the port on which a node of a Valkey cluster talks to the others.
_FIRST, _LAST = 10_000, 19_999

_chance = (
    random.SystemRandom()
)  # of its own: tests run in several processes, and a seed is Hypothesis' affair


def free_port() -> int:
    """A loopback port on which nobody listens."""
    while True:
        port = _chance.randint(_FIRST, _LAST)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
