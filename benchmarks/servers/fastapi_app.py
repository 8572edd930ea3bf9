"""The same functions as plain FastAPI routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Body, Depends, FastAPI

app = FastAPI()


async def resource() -> AsyncIterator[int]:
    yield 1


@app.post("/api/add")
async def add(a: Annotated[int, Body()], b: Annotated[int, Body()]) -> int:
    return a + b


@app.post("/api/with_dependency")
async def with_dependency(
    a: Annotated[int, Body()], b: Annotated[int, Body()], one: Annotated[int, Depends(resource)]
) -> int:
    return a + b + one - 1
