"""Who is calling. There are no accounts yet: a browser is known by a random cookie; its tabs are one user."""

import hashlib
import secrets

from fusewire import Credentials, Identity
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.backend.database import sessions
from app.backend.models import Visitor

COOKIE = "fusewire_visitor"
COOKIE_SECONDS = 180 * 24 * 3600


async def identify(credentials: Credentials) -> Identity | None:
    """The one loader for every transport. Without a cookie, or with an unknown one, a caller is anonymous."""
    token = credentials.cookies.get(COOKIE)
    if token is None:
        return None
    async with sessions() as db:
        found = (await db.exec(select(Visitor).where(Visitor.token_digest == digest(token)))).one_or_none()
    return Identity(id=str(found.id)) if found else None


async def add_visitor(db: AsyncSession) -> tuple[Visitor, str]:
    """A new visitor and the token for their cookie. The token is 128 random bits and is stored nowhere."""
    token = secrets.token_urlsafe(16)
    visitor = Visitor(token_digest=digest(token))
    db.add(visitor)
    await db.commit()
    return visitor, token


def digest(token: str) -> str:
    # The token is random, so a plain digest is as good as a slow password hash, and costs next to nothing.
    return hashlib.sha256(token.encode()).hexdigest()
