"""How long to wait before connecting again."""

from __future__ import annotations

import random

FIRST_DELAY_SECONDS = 0.3
"""Within how long the first attempt to connect again is made."""
MAX_DELAY_SECONDS = 20.0
"""The longest wait before any attempt."""


def backoff_seconds(attempt: int) -> float:
    """The wait before attempt number `attempt` (from 0), with full jitter: anything from nothing to a bound that doubles. Clients that
    lost one server together must not come back together.
    """
    return random.random() * min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2.0 ** min(attempt, 16))  # noqa: S311  # not a secret
