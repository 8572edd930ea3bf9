"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Callable

Backoff = Callable[[int], float]
"""From the number of failures so far (at least 1) to seconds."""


def full_jitter(shortest: float, longest: float) -> Backoff:
    """Anything up to a limit that doubles from `shortest` to `longest` seconds: a crowd that failed together returns spread out."""

    def wait(failures: int) -> float:
        # The exponent is bounded, for 2.0**failures overflows on a link that is down for a day.
        return random.uniform(0, min(longest, shortest * 2.0 ** min(failures, 30)))  # noqa: S311  # not a secret

    return wait
