"""Lengths of time as people write them: `"30s"`, `"5m"`, `"2h"`, `"1d"`."""

from __future__ import annotations

import re

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(text: str) -> float:
    """Raises `ValueError` for anything that is not a number above 0 and one of the units."""
    # A number is a common mistake, and is answered like any other.
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(text), re.ASCII)
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds <= 0:
        raise ValueError(f'{text!r} is no length of time: write it like "30s", "5m", "2h" or "1d"')
    return seconds
