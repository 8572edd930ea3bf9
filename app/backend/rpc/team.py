"""The team, read from rows that hold more than anybody may see."""

from fusewire import Router
from pydantic import BaseModel
from sqlmodel import select

from app.backend.database import SessionDep
from app.backend.models import UserInDB, UserPublic

rpc = Router(tags=["team"])


class TeamResponse(BaseModel):
    team_name: str
    members: list[UserPublic]


@rpc.get("/team")
async def get_team(db: SessionDep) -> TeamResponse:
    """The team and its members, by name."""
    rows = (await db.exec(select(UserInDB).order_by(UserInDB.username))).all()
    # Raw rows go in; the declared type decides what comes out, on every transport.
    return TeamResponse(team_name="Engineering", members=rows)
