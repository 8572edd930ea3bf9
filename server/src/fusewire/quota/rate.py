"""A rate such as `5/h`, and what counts against it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ALIASES = {
    "sec": "s", "second": "s", "seconds": "s",
    "min": "m", "minute": "m", "minutes": "m",
    "hour": "h", "hours": "h",
    "day": "d", "days": "d",
}  # fmt: skip
_FORM = re.compile(r"\s*(\d+)\s*(?:/|per)\s*(\d*)\s*([a-z]+)\s*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` calls in any `seconds` seconds."""

    amount: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """`5/h`, `100/m`, `1/s`, `10/30s`, `5 per hour`. Raises `ValueError` for anything else."""
        match = _FORM.match(text)
        unit = match and _ALIASES.get(match[3].lower(), match[3].lower())
        if not match or unit not in _SECONDS:
            raise ValueError(f"a limit is written like '5/h', '100/m' or '10/30s', not {text!r}")
        amount, count = int(match[1]), int(match[2] or 1)
        if amount < 1 or count < 1:
            raise ValueError(f"a limit lets at least one call through in at least one second, not {text!r}")
        return cls(amount, count * _SECONDS[unit])


class Limiter(Protocol):
    async def hit(self, key: str, rate: Rate) -> float:
        """Count one call. 0.0 when it may go on, else the seconds until the next one may."""
        ...

    async def aclose(self) -> None:
        """Let go of what counting holds open. It may count again afterwards."""
        ...
