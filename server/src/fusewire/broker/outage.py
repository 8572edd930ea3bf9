"""What does not answer for a while is told twice: when that begins, and when it is over. Not at each attempt."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator


class Outage:
    """Of what is named `what`, such as `"the link to Redis"`."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self._since: float | None = None

    def __repr__(self) -> str:
        return f"<Outage of {self._what}{'' if self._since is None else ', under way'}>"

    def begins(self, why: str | BaseException) -> None:
        """It did not answer. Nothing is told when it did not the last time."""
        if self._since is None:
            self._since = time.monotonic()
            self._log.warning("! %s is down: %s", self._what, why if isinstance(why, str) else in_words(why))

    def ends(self) -> None:
        """It answered."""
        if self._since is not None:
            self._log.warning("= %s is back, after %.1f s", self._what, time.monotonic() - self._since)
            self._since = None


def in_words(error: BaseException) -> str:
    """`Redis fell silent (TimeoutError)`: what an error says, and its kind; of a group each one inside, once."""
    return "; ".join(dict.fromkeys(_words(error)))


def _words(error: BaseException) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _words(inner)
        return
    kind, said = type(error).__name__, " ".join(str(error).split())
    yield f"{said} ({kind})" if said else kind
