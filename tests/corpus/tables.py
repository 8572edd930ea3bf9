"""SQLModel: tables, relationships, and the models beside them."""

from datetime import datetime
from typing import Optional
from uuid import UUID

from sqlmodel import Field, Relationship, SQLModel

from tests.corpus.entry import Entry, Sample
from tests.corpus.scalars import ID, MOMENT, MOMENT_JSON


class HeroBase(SQLModel):
    name: str = Field(index=True, max_length=20)
    age: int | None = None


class Team(SQLModel, table=True):
    __tablename__ = "corpus_team"

    id: int | None = Field(default=None, primary_key=True)
    name: str
    heroes: list["Hero"] = Relationship(back_populates="team")


class Hero(HeroBase, table=True):
    __tablename__ = "corpus_hero"

    id: UUID = Field(primary_key=True)
    made_at: datetime
    team_id: int | None = Field(default=None, foreign_key="corpus_team.id")
    team: Optional[Team] = Relationship(back_populates="heroes")  # noqa: UP045 — SQLAlchemy reads this spelling


class HeroCreate(HeroBase):
    secret: str


class HeroPublic(HeroBase):
    id: UUID
    team: Team | None = None


HERO = {"name": "a", "age": 3, "id": str(ID), "made_at": MOMENT, "team_id": None}

table = Entry(
    Team,
    "{ id?: number | null; name: string }",
    Sample(Team(id=1, name="a"), {"id": 1, "name": "a"}),
    made="{ id: number | null; name: string }",
    why="Relationships are never sent: reading one would ask the database. Declare a model that has them.",
)
table_with_relationship = Entry(
    Hero,
    "{ name: string; age?: number | null; id: UUID; made_at: Date; team_id?: number | null }",
    Sample(
        Hero(name="a", age=3, id=ID, made_at=MOMENT, team=Team(id=1, name="b")),
        {**HERO, "made_at": MOMENT_JSON},
        HERO,
    ),
    made="{ name: string; age: number | null; id: UUID; made_at: Date; team_id: number | null }",
)
model_beside_table = Entry(
    HeroCreate,
    "{ name: string; age?: number | null; secret: string }",
    Sample(HeroCreate(name="a", secret="x"), {"name": "a", "age": None, "secret": "x"}),
    made="{ name: string; age: number | null; secret: string }",
    shows=("@maxLength 20",),
)
model_with_table_inside = Entry(
    HeroPublic,
    "{ name: string; age?: number | null; id: UUID; team?: TeamInput | null }",
    Sample(
        HeroPublic(name="a", id=ID, team=Team(id=1, name="b")),
        {"name": "a", "age": None, "id": str(ID), "team": {"id": 1, "name": "b"}},
    ),
    made="{ name: string; age: number | null; id: UUID; team: TeamOutput | null }",
)
