from pathlib import Path

from sqlalchemy import text

from app.backend.database import open_database, sessions


async def test_sqlite_waits_instead_of_failing(tmp_path: Path) -> None:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'new' / 'app.sqlite'}"), sessions() as db:
        connection = await db.connection()
        pragmas = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "busy_timeout", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "busy_timeout": 5000, "foreign_keys": 1}
