"""Rates: how often a caller may call, counted once for all transports and workers."""

from fusewire.quota.memory import MemoryLimiter
from fusewire.quota.rate import Limiter, Rate

__all__ = ["Limiter", "MemoryLimiter", "Rate"]
