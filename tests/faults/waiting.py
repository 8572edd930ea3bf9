"""Waits that end, and say what they waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

LOOK_SECONDS = 0.02
"""How often what has no event is looked at."""


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Raises `TimeoutError` with `what` in it."""
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError as error:
        if limit.expired():
            raise TimeoutError(f"not within {seconds:g} s: {what}") from error
        raise


async def until(holds: Callable[[], bool], seconds: float, what: Callable[[], str]) -> None:
    """Wait until it holds. Raises `TimeoutError` with what it waited for."""
    try:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110  # of much of it nobody tells
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"not within {seconds:g} s: {what()}") from None
