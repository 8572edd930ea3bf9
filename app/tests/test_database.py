from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError

from app.backend.database import open_database, sessions
from app.backend.models import UserInDB
from app.backend.settings import database_url
from app.tests.conftest import migrate

SUMMER = timezone(timedelta(hours=2))


async def test_times_come_back_aware_and_in_utc(database: str) -> None:
    noon = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=SUMMER)
    async with open_database(database_url({"DATABASE_URL": database})), sessions() as db:
        user = UserInDB(username="noon", password_hash="x", created_at=noon)
        db.add(user)
        await db.commit()
        await db.refresh(user)
        assert user.created_at == noon
        assert user.created_at.tzinfo is UTC


async def test_a_naive_time_is_refused(database: str) -> None:
    async with open_database(database_url({"DATABASE_URL": database})), sessions() as db:
        db.add(UserInDB(username="noon", password_hash="x", created_at=datetime(2026, 7, 1)))  # noqa: DTZ001  # that is the point
        with pytest.raises(StatementError, match="naive"):
            await db.commit()


async def test_foreign_keys_are_kept(database: str) -> None:
    async with open_database(database_url({"DATABASE_URL": database})), sessions() as db:
        db.add(UserInDB(username="lost", password_hash="x", team_id=uuid4()))
        with pytest.raises(IntegrityError):
            await db.commit()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_sqlite_waits_instead_of_failing(database: str) -> None:
    async with open_database(database_url({"DATABASE_URL": database})), sessions() as db:
        connection = await db.connection()
        pragmas = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "busy_timeout", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "busy_timeout": 5000, "foreign_keys": 1}


def test_models_and_migrations_agree_and_every_step_goes_back(empty_database: str) -> None:
    migrate(empty_database)
    assert "No new upgrade operations detected" in migrate(empty_database, "check").stdout
    migrate(empty_database, "downgrade", "base")
    migrate(empty_database)
