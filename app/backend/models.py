"""The tables, and what of them may leave the server."""

from uuid import UUID, uuid4

from sqlmodel import Field, SQLModel


class UserBase(SQLModel):
    """What a row and its public form have in common."""

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    username: str = Field(min_length=3, max_length=32, unique=True, index=True)
    email: str = Field(max_length=254, unique=True)
    title: str = Field(max_length=64)


class UserInDB(UserBase, table=True):
    """A row. The hash lives here and in no other model, so no result type can name it."""

    __tablename__ = "users"

    password_hash: str = Field(max_length=255)


class UserPublic(UserBase):
    """A member as other people see them."""


class Visitor(SQLModel, table=True):
    """A browser that has been here before. Only a digest of its cookie is kept: the table lets nobody in."""

    __tablename__ = "visitors"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    token_digest: str = Field(max_length=64, unique=True, index=True)
