"""For gateways and supervisors: is the process alive, and can it do its work? Plain FastAPI routes, not for pages."""

import asyncio
import logging
from collections.abc import Awaitable

from fastapi import APIRouter, HTTPException
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.backend.state import StateDep

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0

router = APIRouter(prefix="/api", tags=["operations"])


@router.get("/health")
async def health() -> dict[str, str]:
    """Answers while the process lives; asks nobody else, so that a slow database does not get it restarted."""
    return {"status": "ok"}


@router.get("/ready", responses={503: {"description": "Not able to serve at the moment; `detail` says why"}})
async def ready(state: StateDep) -> dict[str, str]:
    """200 when database and broker answer."""
    silent = [] if await _answers("database", _ask_database(state.engine)) else ["database"]
    if not state.fuse.healthy:
        silent.append("broker")
    if silent:
        raise HTTPException(503, f"No answer from: {', '.join(silent)}")
    return {"status": "ready"}


async def _answers(name: str, question: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await question
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        # The type only: messages of drivers hold addresses and user names.
        log.warning("! not ready: %s (%s)", name, type(error).__name__)
        return False
    return True


async def _ask_database(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
