"""One engine for the app's life, one session per call."""

import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Depends
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.backend.models import UserInDB

# Bound to an engine by open_database(). Importing opens nothing, so `fusewire generate` needs no database.
sessions = async_sessionmaker(class_=AsyncSession, expire_on_commit=False)


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


# scope="function": closed before the result is sent, so whoever refetches after `await` reads committed rows.
SessionDep = Annotated[AsyncSession, Depends(session, scope="function")]


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[None]:
    """Creates missing tables, seeds an empty database, and closes every connection at the end."""
    parsed = make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(parsed)
    if sqlite:
        event.listen(engine.sync_engine, "connect", set_pragmas)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(SQLModel.metadata.create_all)
        sessions.configure(bind=engine)
        await seed()
        yield
    finally:
        await engine.dispose()


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


async def seed() -> None:
    """A small team to look at. Nobody knows the passwords, so nobody can ever log in as one of them."""
    async with sessions() as db:
        if (await db.exec(select(UserInDB).limit(1))).first() is not None:
            return
        for username, title in [("alice", "Founder"), ("bruno", "Engineer"), ("chidi", "Designer")]:
            email = f"{username}@example.com"
            password_hash = hash_password(secrets.token_urlsafe())
            db.add(UserInDB(username=username, email=email, title=title, password_hash=password_hash))
        try:
            await db.commit()
        except IntegrityError:  # another worker started at the same moment and was faster
            await db.rollback()


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"
