"""Rates counted in this process."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from fusewire.quota.rate import Rate


class MemoryLimiter:
    """A moving window per key: never more than the rate's amount in any window, however calls are spread."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start counting anew, as a new process would."""
        # The synchronous strategy: in memory there is nothing to await, and no loop to be bound to.
        self._window = MovingWindowRateLimiter(MemoryStorage())

    async def hit(self, key: str, rate: Rate) -> float:
        item = RateLimitItemPerSecond(rate.amount, rate.seconds, namespace="fusewire")
        if self._window.hit(item, key):
            return 0.0
        reset = self._window.get_window_stats(item, key).reset_time
        return max(1.0, math.ceil(reset - time.time()))

    async def aclose(self) -> None:
        pass
