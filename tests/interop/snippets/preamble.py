"""The names that the snippets use and do not define."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI
from fusewire import RpcError
from pydantic import BaseModel


class JobStarted(BaseModel):
    started: bool


class Me(BaseModel):
    user: str | None


class BudgetData(BaseModel):
    left: int


class BudgetSpent(RpcError[BudgetData], status=402):
    """The month's budget is spent."""


async def session() -> AsyncIterator[str]:
    yield "session"


SessionDep = Annotated[str, Depends(session)]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
