"""The app: FastAPI, one Fuse, and a router per subject. Served by `uvicorn app.backend.main:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fusewire import Credentials, Fuse, Identity

from app.backend import health
from app.backend.ai.service import open_claude
from app.backend.background import Background
from app.backend.database import open_database
from app.backend.identity import identify_by
from app.backend.passwords import Passwords
from app.backend.rpc import accounts, chat, jobs, team, whoami
from app.backend.settings import Settings
from app.backend.state import AppState
from app.backend.tokens import Tokens


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings = Settings.from_environment()
    async with (
        open_database(settings.database_url) as engine,
        open_claude(
            api_key=settings.anthropic_api_key,
            base_url=settings.anthropic_base_url,
            model=settings.anthropic_model,
        ) as claude,
        Background() as background,
    ):
        app.state.running = AppState(
            settings=settings,
            fuse=fuse,
            engine=engine,
            background=background,
            passwords=Passwords(),
            tokens=Tokens(settings.jwt_secret),
            claude=claude,
        )
        yield


app = FastAPI(title="Fusewire app", lifespan=lifespan)
app.include_router(health.router)
fuse = Fuse(app)
for subject in (accounts, team, chat, jobs, whoami):
    fuse.include_router(subject.rpc)


@fuse.identity
async def identify(credentials: Credentials) -> Identity | None:
    return identify_by(app.state.running.tokens, credentials)
