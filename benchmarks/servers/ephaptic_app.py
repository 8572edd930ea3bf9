"""ephaptic, in an environment of its own (see benchmarks/toolchain.py)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from ephaptic import Ephaptic
from fastapi import FastAPI

from benchmarks.servers.models import PUBLIC, Team

app = FastAPI()
ephaptic = Ephaptic.from_app(app)


async def add(a: int, b: int) -> int:
    return a + b


async def team(n: int) -> Any:
    return PUBLIC[n]


async def count(n: int) -> AsyncGenerator[int, None]:
    for number in range(n):
        yield number


# Called, not used as decorators: they have no types.
ephaptic.expose(add)
ephaptic.expose(response_model=Team)(team)
ephaptic.expose(count)
