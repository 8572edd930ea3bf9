"""A background job that reports its progress to every tab of the person who started it."""

import asyncio
from typing import Annotated, Literal

from fusewire import Fuse, Identity, Router, RpcError
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from app.backend.state import StateDep

rpc = Router(prefix="/jobs", tags=["jobs"])

STEPS = 20
STEP_SECONDS = 0.15

JobId = Annotated[str, Field(min_length=1, max_length=64)]


@rpc.event
class JobStatus(BaseModel):
    job_id: str
    state: Literal["running", "done"]
    progress: int
    """Percent, 0 to 100."""


class JobStarted(BaseModel):
    job_id: str
    started: bool


class JobRunning(RpcError, status=409):
    """That job is running already."""


class JobsBusy(RpcError, status=503):
    """The server has as many jobs as it can hold."""


@rpc(auth=True, raises=[JobRunning, JobsBusy])
async def start_job(
    job_id: JobId,
    *,
    dry_run: bool = False,
    me: Identity,
    connection: HTTPConnection,
    state: StateDep,
) -> JobStarted:
    """Starts a job and returns at once; progress arrives as JobStatus. A dry run only checks."""
    key = f"{me.id}/{job_id}"
    if key in state.background:
        raise JobRunning(message=f"{job_id} is running already")
    if state.background.full:
        raise JobsBusy(message="Too many jobs at the moment, try again in a minute")
    if not dry_run:
        state.background.start(key, run(connection.app.state.fusewire, me.id, job_id))
    return JobStarted(job_id=job_id, started=not dry_run)


async def run(fuse: Fuse, user: str, job_id: str) -> None:
    for step in range(STEPS):
        await fuse.to(user).emit(JobStatus(job_id=job_id, state="running", progress=100 * step // STEPS))
        await asyncio.sleep(STEP_SECONDS)
    await fuse.to(user).emit(JobStatus(job_id=job_id, state="done", progress=100))
