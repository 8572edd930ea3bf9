"""Positions: `"<number>-<number>"`, as the ids of a Redis Stream."""

from __future__ import annotations

import re

_SHAPE = re.compile(r"\d{1,18}-\d{1,18}", re.ASCII)


def after(one: str, other: str) -> bool:
    """Whether `one` is later than `other` in the same topic."""
    return _numbers(one) > _numbers(other)


def is_position(text: str) -> bool:
    """Whether it has the shape of one. Clients send anything."""
    return _SHAPE.fullmatch(text) is not None


def _numbers(position: str) -> tuple[int, int]:
    milliseconds, _, sequence = position.partition("-")
    return int(milliseconds), int(sequence)
