"""Gives a browser its cookie."""

from fastapi import Response
from fusewire import Router, active_user
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from app.backend.database import SessionDep
from app.backend.identity import COOKIE, COOKIE_SECONDS, add_visitor

rpc = Router(tags=["identity"])


class SessionStarted(BaseModel):
    user_id: str
    is_new: bool


# Over HTTP only: nothing else can set a cookie that scripts cannot read. The limit bounds the table.
@rpc.post("/session", transports="http", limit="300/h")
async def start_session(response: Response, connection: HTTPConnection, db: SessionDep) -> SessionStarted:
    """Makes this browser a known visitor; one that is known already keeps its cookie."""
    known = active_user()
    if known is not None:
        return SessionStarted(user_id=known, is_new=False)
    visitor, token = await add_visitor(db)
    response.set_cookie(
        COOKIE,
        token,
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="lax",
        secure=connection.url.scheme == "https",
    )
    return SessionStarted(user_id=str(visitor.id), is_new=True)
