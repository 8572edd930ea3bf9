"""An app with a little of everything that a page may get wrong."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI
from fusewire import Fuse, Router, RpcError
from pydantic import BaseModel, Field, computed_field

fuse = Fuse(FastAPI(), name="mistakes")
rpc = fuse.rpc
teams = Router(prefix="/teams", namespace="teams")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Circle(BaseModel):
    """A circle as it is drawn."""

    radius: Annotated[float, Field(gt=0, description="In millimetres.")]
    pen: Annotated[str, Field(exclude=True)] = "fine"

    @computed_field
    def area(self) -> float:
        return 3.14 * self.radius**2


class Team(BaseModel):
    id: int
    name: str


class JobStarted(BaseModel):
    started: bool


class Left(BaseModel):
    left: int


class BudgetSpent(RpcError[Left], status=402):
    """The month's budget is used up."""


class JobRunning(RpcError, status=409):
    """That job is running already."""


@rpc.event
class JobStatus(BaseModel):
    job_id: str
    progress: int


@rpc
async def add(a: int, b: int) -> int:
    return a + b


@rpc(raises=[BudgetSpent, JobRunning])
async def start_job(
    job_id: Annotated[str, Field(min_length=1, max_length=64)], *, dry_run: bool = False
) -> JobStarted:
    """Start a job.

    It runs on when nobody listens.

    Args:
        job_id: Which one.
        dry_run: Only check whether it could begin.

    Returns:
        Whether it began.

    Raises:
        BudgetSpent: Nothing is left of the budget.
    """
    return JobStarted(started=not dry_run)


@rpc
async def greet(name: str, greeting: str | None = None) -> str:
    return f"{greeting or 'Hello'} {name}"


@rpc
async def draw(circle: Circle, colour: Colour = Colour.RED) -> Circle:
    return circle


@rpc
async def cancel(order: UUID) -> None: ...


@rpc
async def chat(prompt: str) -> AsyncIterator[str]:
    """Streams a reply."""
    yield prompt


@rpc(transports="websocket")
async def save(name: str, rows: Annotated[AsyncIterator[Team], Field(description="In any order.")]) -> int:
    """Keep rows.

    Parameters
    ----------
    name : str
        Under which they are kept.
    """
    return 0


@teams
async def rename(team_id: int, name: str) -> Team:
    return Team(id=team_id, name=name)


fuse.include_router(teams)
