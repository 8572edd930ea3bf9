"""How long to wait before connecting again."""

from __future__ import annotations

import random

MIN_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 20.0


def backoff_seconds(attempt: int) -> float:
    """The wait before attempt number `attempt` (from 0), with full jitter: clients that lost one server together must not come back
    together.
    """
    spread = min(MAX_DELAY_SECONDS, MIN_DELAY_SECONDS * 2.0 ** min(attempt, 16))
    # Chance spreads load here, and keeps no secret.
    return min(MAX_DELAY_SECONDS, MIN_DELAY_SECONDS + random.random() * spread)  # noqa: S311
