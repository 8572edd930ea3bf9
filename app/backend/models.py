"""The tables, and what of them may leave the server."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlmodel import Field, SQLModel

from app.backend.columns import UtcDateTime, now


class Team(SQLModel, table=True):
    __tablename__ = "teams"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str = Field(max_length=64, unique=True)


class UserBase(SQLModel):
    """What a row and its public forms have in common."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    username: str = Field(min_length=3, max_length=32, unique=True, index=True)


class UserInDB(UserBase, table=True):
    """A row. The hash lives here and in no other model, so no result type can name it."""

    __tablename__ = "users"

    email: str | None = Field(default=None, max_length=254, unique=True)
    title: str | None = Field(default=None, max_length=64)
    password_hash: str = Field(max_length=255)
    created_at: datetime = Field(default_factory=now, sa_type=UtcDateTime)
    team_id: UUID | None = Field(default=None, foreign_key="teams.id", index=True)


class UserPublic(UserBase):
    """A member as other people see them."""

    email: str | None
    title: str | None


class Account(UserBase):
    """Yourself, as you see you."""

    created_at: datetime
