"""What the app holds while it runs, made by its lifespan."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fusewire import Fuse
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import HTTPConnection

from app.backend.ai.service import ClaudeService
from app.backend.background import Background
from app.backend.passwords import Passwords
from app.backend.settings import Settings
from app.backend.tokens import Tokens


@dataclass(frozen=True, slots=True)
class AppState:
    settings: Settings
    fuse: Fuse
    engine: AsyncEngine
    background: Background
    passwords: Passwords
    tokens: Tokens
    claude: ClaudeService


def state_of(connection: HTTPConnection) -> AppState:
    state = connection.app.state.running
    assert isinstance(state, AppState)
    return state


StateDep = Annotated[AppState, Depends(state_of)]
