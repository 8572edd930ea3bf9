"""How long nobody has been heard of, when there are times at which nobody can be heard."""

from __future__ import annotations

import time


class Hearing:
    """A clock in seconds. It stands still from `most_seconds` after the last time that the worker could hear whether readers are there."""

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._passed = 0.0
        self._since = time.monotonic()

    def __repr__(self) -> str:
        return f"<Hearing {self():.1f} s>"

    def __call__(self) -> float:
        return self._passed + min(time.monotonic() - self._since, self._most_seconds)

    def heard(self) -> None:
        """The broker has just answered."""
        self._passed, self._since = self(), time.monotonic()
