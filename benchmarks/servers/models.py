"""The values that the apps in Python return."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Member(BaseModel):
    id: int
    name: str
    email: str
    role: str
    active: bool


class Team(BaseModel):
    id: int
    name: str
    members: list[Member]


class StoredMember(Member):
    """As the app knows a member; not for every caller."""

    password_hash: str


class StoredTeam(Team):
    members: list[StoredMember]  # type: ignore[assignment]  # a list of more than is asked for, which nobody changes


MEMBERS = 20


def team_of(team_id: int) -> dict[str, Any]:
    """A team as a database driver would give it: plain rows, with a field that the declared type does not have."""
    members = [
        {
            "id": number,
            "name": f"Member {number}",
            "email": f"member{number}@example.com",
            "role": "editor" if number % 3 else "owner",
            "active": number % 2 == 0,
            "password_hash": "not for the caller",
        }
        for number in range(MEMBERS)
    ]
    return {"id": team_id, "name": f"Team {team_id}", "members": members}


TEAM_ID = 7
STORED = {TEAM_ID: StoredTeam.model_validate(team_of(TEAM_ID))}
"""Models that the app holds already, as an identity map or a cache does."""
PUBLIC = {TEAM_ID: Team.model_validate(team_of(TEAM_ID))}
"""The same without what is not for every caller: ephaptic filters over HTTP only."""
