"""A small team to look at.

A migration, not a seed at start: it runs once, in the one place that writes the schema, whatever number of workers start
together, and whoever deletes the demo keeps it deleted.
"""

import secrets
from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from argon2 import PasswordHasher

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEAM = "Engineering"
MEMBERS = [("alice", "Founder"), ("bruno", "Engineer"), ("chidi", "Designer")]

# The tables as they were at this revision; the models go on changing.
teams = sa.table("teams", sa.column("id", sa.Uuid()), sa.column("name", sa.String()))
users = sa.table(
    "users",
    sa.column("id", sa.Uuid()),
    sa.column("username", sa.String()),
    sa.column("email", sa.String()),
    sa.column("title", sa.String()),
    sa.column("password_hash", sa.String()),
    sa.column("created_at", sa.DateTime(timezone=True)),
    sa.column("team_id", sa.Uuid()),
)


def upgrade() -> None:
    team = uuid4()
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    op.bulk_insert(teams, [{"id": team, "name": TEAM}])
    op.bulk_insert(
        users,
        [
            {
                "id": uuid4(),
                "username": username,
                "email": f"{username}@example.com",
                "title": title,
                # Nobody knows these passwords, so nobody can log in as one of them.
                "password_hash": hasher.hash(secrets.token_urlsafe()),
                "created_at": datetime.now(UTC),
                "team_id": team,
            }
            for username, title in MEMBERS
        ],
    )


def downgrade() -> None:
    names = [username for username, _ in MEMBERS]
    op.execute(users.delete().where(users.c.username.in_(names)))
    op.execute(teams.delete().where(teams.c.name == TEAM))
