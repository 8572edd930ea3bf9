"""How Alembic reaches the database: through the app's own engine, so that both see it alike."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from app.backend import models  # noqa: F401  # defines the tables
from app.backend.database import make_engine
from app.backend.settings import database_url

# One lock for all who migrate PostgreSQL: two replicas that start together run one after the other.
LOCK = 4_053


def configure(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        # SQLite cannot alter columns: Alembic copies the table instead.
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        context.run_migrations()


async def migrate() -> None:
    engine = make_engine(database_url())
    try:
        async with engine.connect() as connection:
            await connection.run_sync(configure)
    finally:
        await engine.dispose()


def write_sql() -> None:
    context.configure(url=database_url(), target_metadata=SQLModel.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    write_sql()
else:
    asyncio.run(migrate())
