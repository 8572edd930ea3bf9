from collections.abc import AsyncGenerator

from fusewire import Router, active_user, emit
from pydantic import BaseModel

from tests.interop.snippets.preamble import BudgetData, BudgetSpent, JobStarted, Me, SessionDep

# --8<-- [start:router]
rpc = Router(prefix="/jobs", tags=["jobs"])  # a Router is itself the decorator


@rpc.event  # a model the server may push
class JobStatus(BaseModel):
    job_id: str
    progress: int


@rpc  # client.start_job(...); mirrored as POST /api/jobs/start_job with a JSON body
async def start_job(job_id: str, *, dry_run: bool = False) -> JobStarted:
    await emit(JobStatus(job_id=job_id, progress=50))  # to the caller's user, on every device of theirs
    return JobStarted(started=True)


@rpc.get("/whoami", limit="5/h")  # the REST verb and path; one limit shared by all transports
async def whoami() -> Me:
    return Me(user=active_user())


@rpc.post("/chat", auth=True, raises=[BudgetSpent])
async def chat(prompt: str, db: SessionDep) -> AsyncGenerator[str, None]:  # Depends works on every transport
    if prompt == "broke":
        raise BudgetSpent(BudgetData(left=0), "come back next month")
    for word in prompt.split():
        yield word


# --8<-- [end:router]
