"""The team, read from rows that hold more than anybody may see."""

from fusewire import Router
from pydantic import BaseModel
from sqlmodel import select

from app.backend.database import SessionDep
from app.backend.models import Team, UserInDB, UserPublic

rpc = Router(tags=["team"])

TEAM = "Engineering"


class TeamResponse(BaseModel):
    team_name: str
    members: list[UserPublic]


@rpc.get("/team")
async def get_team(db: SessionDep) -> TeamResponse:
    """The team and its members, by name."""
    members = select(UserInDB).join(Team).where(Team.name == TEAM).order_by(UserInDB.username)
    # Raw rows go in; the declared type decides what comes out, on every transport.
    return TeamResponse(team_name=TEAM, members=(await db.exec(members)).all())
