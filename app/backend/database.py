"""One engine for the app's life, one session per call. The tables are made by migrations, not here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Depends
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

# Bound to an engine by open_database(). Importing opens nothing, so `fusewire generate` needs no database.
sessions = async_sessionmaker(class_=AsyncSession, expire_on_commit=False)


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


# scope="function": closed before the result is sent, so whoever refetches after `await` reads committed rows.
SessionDep = Annotated[AsyncSession, Depends(session, scope="function")]


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[AsyncEngine]:
    """Every connection is closed at the end. Nothing is connected before the first query."""
    engine = make_engine(url)
    sessions.configure(bind=engine)
    try:
        yield engine
    finally:
        await engine.dispose()


def make_engine(url: str) -> AsyncEngine:
    """An engine for SQLite or PostgreSQL. The folder of an SQLite file is made when it is missing."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        # A connection that the server closed meanwhile (a restart, a proxy's idle limit) is replaced, not handed out.
        return create_async_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    # hide_parameters: a failing statement would put password hashes into the log.
    engine = create_async_engine(parsed, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", set_pragmas)
    return engine


class Cursor(Protocol):
    def execute(self, statement: str, /) -> object: ...
    def close(self) -> None: ...


class Connection(Protocol):
    def cursor(self) -> Cursor: ...


def set_pragmas(connection: Connection, _record: object) -> None:
    """SQLite forgets all but the journal mode with each connection, so they are set on each."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # readers do not wait for the writer
    cursor.execute("PRAGMA busy_timeout=5000")  # milliseconds; two writers queue instead of failing
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
