"""The app: FastAPI, one Fuse, and a router per subject. Served by `uvicorn app.backend.main:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fusewire import Fuse

from app.backend.background import Background
from app.backend.database import open_database
from app.backend.identity import identify
from app.backend.rpc import chat, jobs, session, team, whoami
from app.backend.settings import Settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings = Settings.from_environment()
    async with open_database(settings.database_url), Background() as background:
        app.state.background = background
        yield


app = FastAPI(title="Fusewire app", lifespan=lifespan)
fuse = Fuse(app)
fuse.identity(identify)
for subject in (session, team, chat, jobs, whoami):
    fuse.include_router(subject.rpc)


@app.get("/api/health", tags=["operations"])
async def health() -> dict[str, str]:
    """Answers once the app has started."""
    return {"status": "ok"}
