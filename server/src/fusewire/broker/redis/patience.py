"""What Redis did not do because its connection broke is asked again, for a moment: nobody notices a server that is restarted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.exceptions import BusyLoadingError, ClusterDownError, ReadOnlyError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError

from fusewire.broker.redis.timing import Timing

Answer = TypeVar("Answer")

REPEATED = (RedisConnectionError, OSError, ReadOnlyError, BusyLoadingError, ClusterDownError, TryAgainError)
"""Redis did not take it, or the connection broke, after which it can be asked again, or whether it was done."""

ATTEMPTS = 4
"""So many there are in any case: other connections may be broken too."""

FORGOTTEN_SECONDS = 30.0
"""An outage that nobody has met for so long may be another one."""


class Patience:
    """Of all that ask one Redis: they wait in the first `timing.patience` seconds of an outage, and not at all when it lasts."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._since: float | None = None
        self._latest = 0.0

    def __repr__(self) -> str:
        return f"<Patience {'needed' if self._since is not None else 'not needed'}>"

    async def keep_asking(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """`ask` may be done twice. Raises what it raises: at once what is not `REPEATED`, such as an answer that did not come in time."""
        failures = 0
        while True:
            try:
                answer = await ask()
            except REPEATED:
                failures += 1
                if not self._early() and failures >= ATTEMPTS:
                    raise
                await asyncio.sleep(self._timing.repeat(failures))
            else:
                self._since = None
                return answer

    def _early(self) -> bool:
        now = time.monotonic()
        if self._since is None or now - self._latest > FORGOTTEN_SECONDS:
            self._since = now
        self._latest = now
        return now - self._since < self._timing.patience
