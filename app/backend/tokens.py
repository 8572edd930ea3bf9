"""The signed token that a login hands out: who it is for and until when, and nothing else."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt

LIFETIME = timedelta(days=7)
ALGORITHM = "HS256"


class InvalidTokenError(Exception):
    """Not ours, tampered with, or expired. Which of them is nobody's business."""


@dataclass(frozen=True, slots=True)
class Session:
    user_id: str
    expires_at: datetime


class Tokens:
    def __init__(self, secret: str) -> None:
        self._secret = secret

    def issue(self, user: UUID) -> str:
        now = datetime.now(UTC)
        claims = {"sub": str(user), "iat": now, "exp": now + LIFETIME}
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def read(self, token: str) -> Session:
        """Raises `InvalidTokenError`."""
        try:
            # The algorithm is ours to choose, never the token's; a token without an end would be one for ever.
            claims = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], options={"require": ["exp", "sub", "iat"]}
            )
            user = UUID(claims["sub"])
        except (jwt.InvalidTokenError, ValueError) as error:
            raise InvalidTokenError from error
        return Session(str(user), datetime.fromtimestamp(claims["exp"], UTC))
