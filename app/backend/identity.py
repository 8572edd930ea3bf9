"""Who is calling: the cookie of a login, or a bearer token. One loader for every transport."""

from fastapi import Response
from fusewire import Credentials, Identity
from starlette.requests import HTTPConnection

from app.backend.settings import Settings
from app.backend.tokens import LIFETIME, InvalidTokenError, Tokens

COOKIE = "fusewire_session"


def identify_by(tokens: Tokens, credentials: Credentials) -> Identity | None:
    """A bearer token that is not valid is refused: whoever sends one means to be somebody.

    A cookie that is not valid any more is no cookie: the browser sends it along whether the person wants to or not, to
    the very page where they could log in again, and only the server can take it away. Refusing it would lock them out
    until they clear their cookies. The next login or logout replaces it.
    """
    if credentials.token is not None:
        return _identity(tokens, credentials.token)
    cookie = credentials.cookies.get(COOKIE)
    if not cookie:
        return None
    try:
        return _identity(tokens, cookie)
    except InvalidTokenError:
        return None


def _identity(tokens: Tokens, token: str) -> Identity:
    session = tokens.read(token)
    return Identity(id=session.user_id, expires_at=session.expires_at)


def set_cookie(response: Response, token: str, *, secure: bool) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,  # out of reach of scripts, injected ones too
        samesite="lax",  # not sent along with another site's POST
        secure=secure,
    )


def clear_cookie(response: Response, *, secure: bool) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=secure)


def wants_secure(settings: Settings, connection: HTTPConnection) -> bool:
    """Behind a gateway the scheme is the one that a trusted X-Forwarded-Proto names."""
    if settings.cookie_secure is not None:
        return settings.cookie_secure
    return connection.url.scheme == "https"
