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


MEMBERS = 20


def team_of(team_id: int) -> dict[str, Any]:
    """A team as a database would give it: plain, and with a field that the declared type does not have."""
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
