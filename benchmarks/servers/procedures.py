"""`add` among a number of procedures, to see what the others cost a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from fusewire import Fuse


def app_of(procedures: int) -> FastAPI:
    """An app with so many procedures; one of them is `add`."""
    app = FastAPI()
    fuse = Fuse(app)
    for number in range(procedures - 1):
        fuse.rpc(_named(f"procedure_{number}"))
    fuse.rpc(_named("add"))
    return app


def _named(name: str) -> Callable[[int, int], Awaitable[int]]:
    async def add(a: int, b: int) -> int:
        return a + b

    add.__name__ = add.__qualname__ = name
    return add
