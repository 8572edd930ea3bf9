"""Where a session stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fusewire.wire.close import CloseCode


@dataclass(frozen=True, slots=True)
class Status:
    """The state, and the reason for it."""

    state: Literal["disconnected", "connecting", "connected"]
    code: str
    """`idle` (nothing was asked yet), `requested`, `connected`, `goaway`, `closed` (by `close()`), `restarted` (by `reauthenticate()`),
    `auth_failed` (`auth` raised), `connect_timeout`, `connection_lost`, `http` (there is no connection to have), or the name of a close
    code (PROTOCOL §6), such as `unauthenticated`."""
    reason: str = ""
    """More words, from the server or the platform."""
    attempt: int = 0
    """How many attempts have failed in a row."""


def close_name(code: int) -> str:
    """The close code's name; others than ours have none here."""
    try:
        return CloseCode(code).reason
    except ValueError:
        return "connection_lost" if not 4000 <= code <= 4999 else f"closed_{code}"
