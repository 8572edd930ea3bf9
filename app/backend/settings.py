"""Everything that the environment decides, read once when the app starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import make_url

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_DATABASE = ROOT / "app" / "data" / "app.sqlite"
DEFAULT_MODEL = "claude-haiku-5-5"
SECRET_BYTES = 32
DRIVERS = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}


class SettingsError(Exception):
    """The app cannot start like this. The message is for whoever started it, and holds no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What may hold a secret stays out of its repr, so that it stays out of logs and error pages too."""

    database_url: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    redis_url: str | None = field(default=None, repr=False)
    anthropic_api_key: str | None = field(default=None, repr=False)
    anthropic_base_url: str | None = None
    anthropic_model: str = DEFAULT_MODEL
    cookie_secure: bool | None = None
    """Whether the cookie is for https alone; None: whenever the request came over https."""

    @classmethod
    def from_environment(cls, values: Mapping[str, str] | None = None) -> Settings:
        """Raises `SettingsError` for a missing or weak JWT_SECRET."""
        values = environment() if values is None else values
        secret = values.get("JWT_SECRET") or ""
        if len(secret.encode()) < SECRET_BYTES:
            # A shorter key can be guessed offline from any one token (RFC 7518 §3.2).
            raise SettingsError(
                f"JWT_SECRET must be at least {SECRET_BYTES} bytes long. ./setup.sh writes a .env with a random one."
            )
        return cls(
            database_url=database_url(values),
            jwt_secret=secret,
            redis_url=values.get("REDIS_URL") or None,
            anthropic_api_key=(values.get("ANTHROPIC_API_KEY") or "").strip() or None,
            anthropic_base_url=values.get("ANTHROPIC_BASE_URL") or None,
            anthropic_model=values.get("ANTHROPIC_MODEL") or DEFAULT_MODEL,
            cookie_secure=_flag("COOKIE_SECURE", values.get("COOKIE_SECURE") or ""),
        )


def database_url(values: Mapping[str, str] | None = None) -> str:
    """`DATABASE_URL` with the driver that this app uses; SQLite below `app/data` when nothing is said."""
    values = environment() if values is None else values
    text = values.get("DATABASE_URL")
    if not text:
        return f"sqlite+aiosqlite:///{DEFAULT_DATABASE}"
    url = make_url(text)
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername)).render_as_string(
        hide_password=False
    )


def environment() -> dict[str, str]:
    """The process environment over the lines of `.env`; an empty value is as good as none."""
    return {**_lines(ROOT / ".env"), **{name: value for name, value in os.environ.items() if value}}


def _lines(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}


def _flag(name: str, text: str) -> bool | None:
    if not text:
        return None
    if text.lower() not in ("1", "true", "0", "false"):
        raise SettingsError(f"{name} must be true or false")
    return text.lower() in ("1", "true")
